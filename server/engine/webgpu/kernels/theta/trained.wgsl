// `at`: among both layers of a slot.
fn updateQuad(member: u32, slot: u32, updates: u32, pass_: u32, at: u32, g: vec4f) -> vec4f {
  return updateWeights(member, slot, updates, pass_, at, g);
}
