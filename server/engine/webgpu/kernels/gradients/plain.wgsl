fn amplified(at: u32, g: vec4f, scalars: u32) -> vec4f { return g; }
