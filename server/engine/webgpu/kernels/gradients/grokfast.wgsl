// Grokfast: the gradient and lambda times its running mean. The scalars are (alpha, 1 - alpha, lambda, 0); alpha is 0 where a mean begins.
fn amplified(at: u32, g: vec4f, scalars: u32) -> vec4f {
  let s = submission[scalars + 2u];
  let mean = fma(vec4f(s.x), state[at + AVERAGE], s.y * g);
  state[at + AVERAGE] = mean;
  return fma(vec4f(s.z), mean, g);
}
