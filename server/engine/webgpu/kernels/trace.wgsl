// Sums the parts of the traces of a submission's passes: one workgroup a pass and member. A trace is three quads: (train loss, test loss,
// common, rare), (partner, held out, logits out of range, 0), and the norms of update.wgsl.

// [member, pass, 3]
@group(0) @binding(4) var<storage, read_write> traces: array<vec4f>;

const threads = 64u;

var<workgroup> sums: array<vec4f, threads>;

fn sumOver(thread: u32, first: u32, count: u32, stride: u32) -> vec4f {
  var s = vec4f(0.0);
  for (var i = thread; i < count; i += threads) { s += submission[first + i * stride]; }
  sums[thread] = s;
  for (var width = threads / 2u; width > 0u; width /= 2u) {
    workgroupBarrier();
    if (thread < width) { sums[thread] += sums[thread + width]; }
  }
  workgroupBarrier();
  let r = sums[0];
  workgroupBarrier();
  return r;
}

@compute @workgroup_size(threads)
fn trace(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) thread: u32) {
  let at = partialsAt(group.y, group.x);
  let losses = sumOver(thread, at, FORWARD_PARTIALS, 2u);
  let counts = sumOver(thread, at + 1u, FORWARD_PARTIALS, 2u);
  let norms = sumOver(thread, at + 2u * FORWARD_PARTIALS, BACKWARD_PARTIALS, 1u);
  if (thread == 0u) {
    let to = 3u * passAt(group.y, group.x);
    traces[to] = losses;
    traces[to + 1u] = counts;
    traces[to + 2u] = norms;
  }
}
