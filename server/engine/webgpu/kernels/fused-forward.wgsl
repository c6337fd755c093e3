// Logits of TU pairs, their losses and their gradients, in one workgroup: for networks so small that a pass waits more than it computes.
//
// LANES invocations share the quads of neurons, in COLUMNS groups of TJ logits. Each sums its own quads for TU pairs and TJ logits; the
// lanes' sums meet in workgroup memory and are added in their order.

const outputs = TU * COLUMNS * TJ;
const width = COLUMNS * TJ;
const threads = LANES * COLUMNS;
// One more than the lanes, or all outputs would lie in one bank.
const sumStride = LANES + 1u;

var<workgroup> sums: array<f32, outputs * sumStride>;
var<workgroup> logits: array<f32, outputs>;
var<workgroup> powers: array<f32, outputs>;
var<workgroup> traces: array<PairTrace, TU>;

@compute @workgroup_size(threads)
fn forward(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) thread: u32) {
  let pass_ = forwardPass(thread);
  if (group.x == 0u && group.y == 0u && thread == 0u) { passCounter[1] = pass_; }
  let member = members[group.y];
  if (pass_ >= member.passes) { return; }
  let theta = member.slot * weightsStride;
  let xi = theta + P * MQ;
  let lane = thread % LANES;
  let column = thread / LANES;
  let firstPair = group.x * TU;

  #repeat t TU
  let u$(t) = min(firstPair + $(t)u, U - 1u);
  let x$(t) = theta + firstResidue(u$(t)) * MQ;
  let y$(t) = theta + secondResidue(u$(t)) * MQ;
  #end
  #repeat j TJ
  let r$(j) = xi + min(column * TJ + $(j)u, P - 1u) * MQ;
  #repeat t TU
  var s$(t)_$(j) = 0.0;
  #end
  #end
  for (var q = lane; q < MQ; q += LANES) {
    #repeat t TU
    let h$(t) = activation(weights[x$(t) + q] + weights[y$(t) + q]);
    #end
    #repeat j TJ
    {
      let w = weights[r$(j) + q];
      #repeat t TU
      s$(t)_$(j) = fma(h$(t).w, w.w, fma(h$(t).z, w.z, fma(h$(t).y, w.y, fma(h$(t).x, w.x, s$(t)_$(j)))));
      #end
    }
    #end
  }
  #repeat j TJ
  #repeat t TU
  sums[($(t)u * width + column * TJ + $(j)u) * sumStride + lane] = s$(t)_$(j);
  #end
  #end
  workgroupBarrier();
  for (var o = thread; o < outputs; o += threads) {
    var s = vec4f(0.0);
    for (var i = 0u; i < LANES; i += 4u) {
      let k = o * sumStride + i;
      s += vec4f(sums[k], sums[k + 1u], sums[k + 2u], sums[k + 3u]);
    }
    logits[o] = (s.x + s.y) + (s.z + s.w);
  }
  workgroupBarrier();
  for (var o = thread; o < outputs; o += threads) {
    let row = o / width * width;
    powers[o] = expNonPositive(vec4f(logits[o] - logits[row + answerOf(row)])).x;
  }
  workgroupBarrier();
  for (var o = thread; o < outputs; o += threads) {
    let t = o / width;
    let j = o % width;
    let u = firstPair + t;
    if (u < U && j < P) {
      let row = t * width;
      let answer = answerOf(row);
      var others = 0.0;
      for (var i = 0u; i < P; i++) { others += select(powers[row + i], 0.0, i == answer); }
      let entry = entries[member.slot * U + u];
      logitGradient[(member.slot * P + j) * US + u] =
          gradientOf(entry, j, answer, powers[o], others, member.inverseTrained);
      if (j == 0u) {
        let most = logits[row + answer];
        traces[t] = traceOf(entry, answer, others,
                            vec2f(most - logits[row + labelOf(entry, 0u)], most - logits[row + labelOf(entry, 1u)]));
        for (var i = 0u; i < P; i++) {
          if (isOutOfRange(logits[row + i])) { traces[t].counts.z = 1.0; }
        }
      }
    }
    if (u >= U && j == 0u) { traces[t] = PairTrace(vec4f(0.0), vec4f(0.0)); }
  }
  workgroupBarrier();
  if (thread == 0u) {
    var sum = traces[0];
    for (var t = 1u; t < TU; t++) { sum = addPair(sum, traces[t]); }
    let at = partialsAt(group.y, pass_) + 2u * group.x;
    partials[at] = sum.losses;
    partials[at + 1u] = sum.counts;
  }
}

// The largest of a row of logits; of equals the lowest.
fn answerOf(row: u32) -> u32 {
  var answer = 0u;
  var most = logits[row];
  for (var j = 1u; j < P; j++) {
    let f = logits[row + j];
    if (f > most) {
      most = f;
      answer = j;
    }
  }
  return answer;
}
