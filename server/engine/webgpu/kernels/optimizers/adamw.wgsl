// AdamW in PyTorch's order: decay, then the step with bias correction. The scalars are (decay, rate / (1 - beta1^t), 1 - beta1, beta2)
// and (1 - beta2, 1 / sqrt(1 - beta2^t), epsilon, 0).
fn optimize(at: u32, w: vec4f, g: vec4f, s: vec4f, t: vec4f) -> vec4f {
  let first = at + TRAINED;
  let second = at + 2u * TRAINED;
  let m = fma(vec4f(s.z), g - state[first], state[first]);
  let v = fma(vec4f(s.w), state[second], t.x * (g * g));
  state[first] = m;
  state[second] = v;
  return fma(vec4f(-s.y), m / fma(sqrt(v), vec4f(t.y), vec4f(t.z)), w * s.x);
}
