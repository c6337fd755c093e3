// One quad of weights: the optimizer, and the parts of the gradient's and the parameters' norm that it adds,
// (|g|^2, |2^-60 g|^2, |2^60 g|^2, |w|^2): float32 squares overflow and underflow, and one of the three does neither.

// Lanes beyond M hold no neuron: their gradients are not the network's.
fn withoutPadding(g: vec4f, quad: u32) -> vec4f {
  return select(vec4f(0.0), g, vec4u(4u * quad) + vec4u(0u, 1u, 2u, 3u) < vec4u(M));
}

// What an optimizer needs of a pass: whether it ends with an update, and its scalars.
struct Update {
  isDue: bool,
  // Where the scalars are, and the first two quads of them.
  scalars: u32,
  s: vec4f,
  t: vec4f,
}

// A quad of trained weights, and its moments where the optimizer has any. They are far away, so most kernels fetch them before their gradient
// is there.
struct Trained {
  w: vec4f,
  first: vec4f,
  second: vec4f,
}

// `i`: of the member in the cohort.
fn updateOf(i: u32, member: Member, pass_: u32) -> Update {
  let scalars = scalarsAt(i, pass_);
  return Update(f32(pass_) < member.updates, scalars, submission[scalars], submission[scalars + 1u]);
}

// What the weights at `i` of the state become.
fn updated(update: Update, i: u32, before: Trained, g: vec4f) -> vec4f {
  return optimize(i, before, amplified(i, g, update.scalars), update.s, update.t);
}

fn squaresOf(g: vec4f, w: vec4f) -> vec4f {
  let small = g * 1152921504606846976.0;
  let large = g * 8.673617379884035e-19;
  return vec4f(dot(g, g), dot(large, large), dot(small, small), dot(w, w));
}

fn updateWeights(update: Update, i: u32, before: Trained, g: vec4f) -> vec4f {
  if (update.isDue) { keepWeights(i, updated(update, i, before, g)); }
  return squaresOf(g, before.w);
}
