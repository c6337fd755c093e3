fn activation(z: vec4f) -> vec4f { return z * z * z; }
fn slope(z: vec4f) -> vec4f { return 3.0 * (z * z); }
