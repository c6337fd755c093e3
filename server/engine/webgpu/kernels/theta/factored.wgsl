// theta is the product of two factors and not trained itself: its gradient is for factors.wgsl. `at`: of its quads.
fn thetaAt(i: u32) -> Trained { return Trained(vec4f(0.0), vec4f(0.0), vec4f(0.0)); }

fn updateTheta(update: Update, slot: u32, at: u32, before: Trained, g: vec4f) -> vec4f {
  scratch[thetaGradientAt(slot) + at] = g;
  return vec4f(0.0);
}
