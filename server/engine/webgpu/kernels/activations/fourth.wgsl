fn activation(z: vec4f) -> vec4f {
  let square = z * z;
  return square * square;
}
fn slope(z: vec4f) -> vec4f { return 4.0 * (z * z) * z; }
