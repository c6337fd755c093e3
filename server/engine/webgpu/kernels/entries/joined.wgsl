// Both kernels of a pass as one, told apart by how many workgroups there are: where a pass takes a device no longer than it takes to encode it,
// not changing the pipeline for every dispatch is half of that.
@compute @workgroup_size(THREADS)
fn main(@builtin(num_workgroups) groups: vec3u, @builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) thread: u32) {
  if (groups.x == FORWARD_GROUPS) { forward(groups, group, thread); } else { backward(groups, group, thread); }
}
