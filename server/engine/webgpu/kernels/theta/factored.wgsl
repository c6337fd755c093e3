// theta is the product of two factors and not trained itself: its gradient is for factors.wgsl.
fn updateQuad(member: u32, slot: u32, updates: u32, pass_: u32, at: u32, g: vec4f) -> vec4f {
  if (at >= layerQuads) { return updateWeights(member, slot, updates, pass_, at, g); }
  scratch[thetaGradientAt(slot) + at] = g;
  return vec4f(0.0);
}
