fn activation(z: vec4f) -> vec4f { return expAny(z); }
fn slope(z: vec4f) -> vec4f { return expAny(z); }
