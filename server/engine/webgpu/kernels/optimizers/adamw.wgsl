// AdamW in PyTorch's order: decay, then the step with bias correction. The scalars are (decay, rate / (1 - beta1^t), 1 - beta1, beta2)
// and (1 - beta2, 1 / sqrt(1 - beta2^t), epsilon, not its own).
fn optimize(at: u32, before: Trained, g: vec4f, s: vec4f, t: vec4f) -> vec4f {
  let m = fma(vec4f(s.z), g - before.first, before.first);
  let v = fma(vec4f(s.w), before.second, t.x * (g * g));
  state[at + TRAINED] = m;
  state[at + 2u * TRAINED] = v;
  return fma(vec4f(-s.y), m / fma(sqrt(v), vec4f(t.y), vec4f(t.z)), before.w * s.x);
}

fn trainedAt(i: u32) -> Trained { return Trained(state[i], state[i + TRAINED], state[i + 2u * TRAINED]); }
