fn activation(z: vec4f) -> vec4f { return max(z, vec4f(0.0)); }
fn slope(z: vec4f) -> vec4f { return select(vec4f(0.0), vec4f(1.0), z > vec4f(0.0)); }
