// theta is trained as xi is. `at`: of its quads.
fn thetaAt(i: u32) -> Trained { return trainedAt(i); }

fn updateTheta(update: Update, slot: u32, at: u32, before: Trained, g: vec4f) -> vec4f {
  return updateWeights(update, slot * SLOT + at, before, g);
}
