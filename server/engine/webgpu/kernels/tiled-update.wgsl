// Adds up the partial gradients of tiled-xi.wgsl and tiled-theta.wgsl, and updates. One quad of weights an invocation.

const threads = 128u;

var<workgroup> norms: array<vec4f, threads>;

@compute @workgroup_size(threads)
fn finish(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) thread: u32) {
  let member = memberAt(group.y);
  let counter = submission[0].y;
  let pass_ = sharePass(thread, counter, member);
  if (group.x == 0u && group.y == 0u && thread == 0u) { endBackward(counter); }
  if (pass_ == noPass) { return; }
  let at = group.x * threads + thread;
  norms[thread] = vec4f(0.0);
  if (at < 2u * layerQuads) {
    let update = updateOf(group.y, member, pass_);
    let from_ = member.slot * SCRATCH;
    let before = layersAt(member.slot, at);
    var g = vec4f(0.0);
    if (at < layerQuads) {
      for (var s = 0u; s < THETA_SPLITS; s++) { g += scratch[from_ + (XI_SPLITS + s) * layerQuads + at]; }
    } else {
      for (var s = 0u; s < XI_SPLITS; s++) { g += scratch[from_ + s * layerQuads + at - layerQuads]; }
    }
    norms[thread] = updateLayers(update, member.slot, at, before, withoutPadding(g, at % layerQuads / P));
  }
  for (var width = threads / 2u; width > 0u; width /= 2u) {
    workgroupBarrier();
    if (thread < width) { norms[thread] += norms[thread + width]; }
  }
  if (thread == 0u) { submission[partialsAt(group.y, pass_) + 2u * FORWARD_PARTIALS + group.x] = norms[0]; }
}
