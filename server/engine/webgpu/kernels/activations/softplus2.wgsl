// log(1 + e^{2z}) = max(2z, 0) + log(1 + e^{-|2z|})
fn activation(z: vec4f) -> vec4f {
  let twice = z + z;
  return max(twice, vec4f(0.0)) + log1p(expNonPositive(-abs(twice)));
}
fn slope(z: vec4f) -> vec4f {
  let e = expNonPositive(-abs(z + z));
  return select(vec4f(2.0), e + e, z < vec4f(0.0)) / (vec4f(1.0) + e);
}
