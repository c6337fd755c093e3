// One quad of weights: the optimizer, and the parts of the gradient's and the parameters' norm that it adds,
// (|g|^2, |2^-60 g|^2, |2^60 g|^2, |w|^2): float32 squares overflow and underflow, and one of the three does neither.

// Lanes beyond M hold no neuron: their gradients are not the network's.
fn withoutPadding(g: vec4f, quad: u32) -> vec4f {
  return select(vec4f(0.0), g, vec4u(4u * quad) + vec4u(0u, 1u, 2u, 3u) < vec4u(M));
}

// What the weights at `i` of the state, which are w, become.
fn updated(member: u32, pass_: u32, i: u32, w: vec4f, g: vec4f) -> vec4f {
  let s = scalarsAt(member, pass_);
  return optimize(i, w, amplified(i, g, s), inputs[s], inputs[s + 1u]);
}

fn squaresOf(g: vec4f, w: vec4f) -> vec4f {
  let small = g * 1152921504606846976.0;
  let large = g * 8.673617379884035e-19;
  return vec4f(dot(g, g), dot(large, large), dot(small, small), dot(w, w));
}

// `at`: of the weights, among those of a slot.
fn updateWeights(member: u32, slot: u32, updates: u32, pass_: u32, at: u32, g: vec4f) -> vec4f {
  let i = slot * SLOT + at;
  let w = state[i];
  if (pass_ < updates) { state[i] = updated(member, pass_, i, w, g); }
  return squaresOf(g, w);
}
