fn activation(z: vec4f) -> vec4f {
  let square = z * z;
  let fourth = square * square;
  return fourth * fourth;
}
fn slope(z: vec4f) -> vec4f {
  let square = z * z;
  return 8.0 * (square * square) * square * z;
}
