// A quad of trained weights as it is after an update.
fn keepWeights(i: u32, w: vec4f) { state[i] = w; }
