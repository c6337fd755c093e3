// theta is the product of two factors and not trained itself: its gradient is for factors.wgsl. `at`: of the quads of theta, then of xi.
fn layersAt(slot: u32, at: u32) -> Trained {
  if (at < layerQuads) { return Trained(vec4f(0.0), vec4f(0.0), vec4f(0.0)); }
  return trainedAt(slot * SLOT + at);
}

fn updateLayers(update: Update, slot: u32, at: u32, before: Trained, g: vec4f) -> vec4f {
  if (at < layerQuads) {
    scratch[thetaGradientAt(slot) + at] = g;
    return vec4f(0.0);
  }
  return updateWeights(update, slot * SLOT + at, before, g);
}
