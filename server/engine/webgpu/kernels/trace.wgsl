// Sums the parts of the traces of a submission's passes: one workgroup a pass and member. A trace is three quads: (train loss, test loss,
// common, rare), (partner, held out, logits out of range, 0), and the norms of update.wgsl.

// [member, pass, 3]
@group(0) @binding(4) var<storage, read_write> traces: array<vec4f>;

// [invocation]
var<workgroup> sums: array<vec4f, THREADS>;

fn sumOver(thread: u32, first: u32, count: u32, stride: u32) -> vec4f {
  #repeat k 4
  var s$(k) = vec4f(0.0);
  #end
  // Four at once, so that not each is waited for.
  for (var i = thread; i < count; i += 4u * THREADS) {
    #repeat k 4
    let v$(k) = submission[first + min(i + $(k)u * THREADS, count - 1u) * stride];
    #end
    #repeat k 4
    if (i + $(k)u * THREADS < count) { s$(k) += v$(k); }
    #end
  }
  sums[thread] = (s0 + s1) + (s2 + s3);
  for (var width = THREADS / 2u; width > 0u; width /= 2u) {
    workgroupBarrier();
    if (thread < width) { sums[thread] += sums[thread + width]; }
  }
  workgroupBarrier();
  let r = sums[0];
  workgroupBarrier();
  return r;
}

@compute @workgroup_size(THREADS)
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
