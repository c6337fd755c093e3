// From a pair's softmax to its losses and its gradient.
//
// A small loss is a small difference of large numbers unless it is written as log(1 + others), others being the sum of e^{f_j - f_answer}
// over all logits but the largest one, the answer. And the answer's own probability less one is -others / (1 + others).

fn labelOf(entry: u32, e: u32) -> u32 { return (entry >> (8u * e)) & 255u; }
fn classOf(entry: u32, e: u32) -> u32 { return (entry >> (16u + 8u * e)) & 255u; }
// Classes 0 and 1 are the training set.
fn isTrained(entry: u32, e: u32) -> bool { return classOf(entry, e) < 2u; }

// Infinity or NaN, asked in a way that no compiler answers with "can't be".
fn isOutOfRange(x: f32) -> bool { return (bitcast<u32>(x) & 0x7f800000u) == 0x7f800000u; }

// Of the training loss in the logits from j on: e^{f - f_answer} is `e`. Of logits beyond P, zero.
fn gradientOf(entry: u32, j: u32, answer: u32, e: vec4f, others: f32, inverseTrained: f32) -> vec4f {
  let logits = vec4u(j) + vec4u(0u, 1u, 2u, 3u);
  var trained = 0.0;
  var right = vec4f(0.0);
  for (var i = 0u; i < 2u; i++) {
    if (isTrained(entry, i)) {
      trained += 1.0;
      right += select(vec4f(0.0), vec4f(1.0), logits == vec4u(labelOf(entry, i)));
    }
  }
  let weight = trained / (1.0 + others);
  let g = select(fma(e, vec4f(weight), -right), fma(vec4f(-others), vec4f(weight), vec4f(trained) - right), logits == vec4u(answer));
  return select(vec4f(0.0), inverseTrained * g, logits < vec4u(P));
}

// Parts of a trace: (train loss, test loss, common, rare), (partner, held out, logits out of range, 0).
struct PairTrace {
  losses: vec4f,
  counts: vec4f,
}

fn addPair(a: PairTrace, b: PairTrace) -> PairTrace { return PairTrace(a.losses + b.losses, a.counts + b.counts); }

// `below`: by how much the label of each entry lies below the answer.
fn traceOf(entry: u32, answer: u32, others: f32, below: vec2f) -> PairTrace {
  var r = PairTrace(vec4f(0.0), vec4f(0.0));
  let extra = log1p(vec4f(others)).x;
  for (var e = 0u; e < 2u; e++) {
    let group = classOf(entry, e);
    if (group == 255u) { continue; }
    let loss = below[e] + extra;
    let correct = select(0.0, 1.0, labelOf(entry, e) == answer);
    if (group < 2u) { r.losses += vec4f(loss, 0.0, 0.0, 0.0); } else { r.losses += vec4f(0.0, loss, 0.0, 0.0); }
    if (group == 0u) { r.losses.z += correct; }
    if (group == 1u) { r.losses.w += correct; }
    if (group == 2u) { r.counts.x += correct; }
    if (group == 3u) { r.counts.y += correct; }
  }
  return r;
}
