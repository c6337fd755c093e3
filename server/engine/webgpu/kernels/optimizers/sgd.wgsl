// SGD with L2. The scalars are (weight decay, rate, 0, 0).
fn optimize(at: u32, before: Trained, g: vec4f, s: vec4f, t: vec4f) -> vec4f {
  return fma(vec4f(-s.y), fma(vec4f(s.x), before.w, g), before.w);
}

fn trainedAt(i: u32) -> Trained { return Trained(state[i], vec4f(0.0), vec4f(0.0)); }
