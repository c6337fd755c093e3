@compute @workgroup_size(THREADS)
fn main(@builtin(num_workgroups) groups: vec3u, @builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) thread: u32) {
  forward(groups, group, thread);
}
