// `at`: among both layers of a slot.
fn updateQuad(update: Update, slot: u32, at: u32, before: Trained, g: vec4f) -> vec4f {
  return updateWeights(update, slot * SLOT + at, before, g);
}
