// theta is the product of two factors and not trained itself: its gradient is for factors.wgsl.
fn updateQuad(update: Update, slot: u32, at: u32, before: Trained, g: vec4f) -> vec4f {
  if (at >= layerQuads) { return updateWeights(update, slot * SLOT + at, before, g); }
  scratch[thetaGradientAt(slot) + at] = g;
  return vec4f(0.0);
}
