// Both layers are trained. `at`: of the quads of theta, then of xi.
fn layersAt(slot: u32, at: u32) -> Trained { return trainedAt(slot * SLOT + at); }

fn updateLayers(update: Update, slot: u32, at: u32, before: Trained, g: vec4f) -> vec4f {
  return updateWeights(update, slot * SLOT + at, before, g);
}
