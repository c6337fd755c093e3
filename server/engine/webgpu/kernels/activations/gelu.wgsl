// z Phi(z). Phi through erfc on the negative side, where 1 + erf would cancel.
fn normal(z: vec4f) -> vec4f {
  let upper = 0.5 * expNonPositive(-0.5 * z * z) * scaledErfc(abs(z) * 0.707106781);
  return select(vec4f(1.0) - upper, upper, z < vec4f(0.0));
}

fn activation(z: vec4f) -> vec4f { return z * normal(z); }
fn slope(z: vec4f) -> vec4f { return fma(z * 0.398942280, expNonPositive(-0.5 * z * z), normal(z)); }
