// SGD with L2. The scalars are (weight decay, rate, 0, 0).
fn optimize(at: u32, w: vec4f, g: vec4f, s: vec4f, t: vec4f) -> vec4f {
  return fma(vec4f(-s.y), fma(vec4f(s.x), w, g), w);
}
