// Logits of a tile of pairs, their losses and their gradients, in one workgroup: for networks so small that a pass waits more than it
// computes.
//
// The tile is RUN residues a by DIFFERENCES differences d, so that its pairs share residues: RUN first and RUN + DIFFERENCES - 1 second ones.
// LANES invocations share the quads of neurons, in COLUMNS groups of TJ logits. Each sums its own quads for all pairs of the tile and TJ
// logits; the lanes' sums meet in workgroup memory, ROUND pairs at a time, and are added in their order.

const pairs = RUN * DIFFERENCES;
const width = COLUMNS * TJ;
const outputs = pairs * width;
const threads = LANES * COLUMNS;
// One more than the lanes, or all outputs would lie in one bank.
const sumStride = LANES + 1u;
const runs = (P + RUN - 1u) / RUN;
// Parts into which a row of logits is cut for its maximum and its sum.
const PARTS = 4u;
const part = (P + PARTS - 1u) / PARTS;

var<workgroup> sums: array<f32, ROUND * width * sumStride>;
// Logits, then e^{f - most}.
var<workgroup> logits: array<f32, outputs>;
var<workgroup> partAnswer: array<u32, pairs * PARTS>;
var<workgroup> partSum: array<f32, pairs * PARTS>;
var<workgroup> partWild: array<f32, pairs * PARTS>;
var<workgroup> traces: array<PairTrace, pairs>;

// Number of the t-th pair of the tile; U or more when the tile reaches beyond the pairs.
fn pairOf(tile: u32, t: u32) -> u32 {
  let a = tile % runs * RUN + t % RUN;
  let d = tile / runs * DIFFERENCES + t / RUN;
  return select(U, d * P + a, a < P && d <= P / 2u);
}

// The largest of a part of a row of logits; of equals the lowest.
fn largestOf(row: u32, first: u32) -> u32 {
  var answer = min(first, P - 1u);
  var most = logits[row + answer];
  for (var j = first + 1u; j < min(first + part, P); j++) {
    let f = logits[row + j];
    if (f > most) {
      most = f;
      answer = j;
    }
  }
  return answer;
}

fn answerOf(t: u32) -> u32 {
  var answer = partAnswer[t * PARTS];
  for (var i = 1u; i < PARTS; i++) {
    let other = partAnswer[t * PARTS + i];
    if (logits[t * width + other] > logits[t * width + answer]) { answer = other; }
  }
  return answer;
}

@compute @workgroup_size(threads)
fn forward(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) thread: u32) {
  let pass_ = forwardPass(thread);
  if (group.x == 0u && group.y == 0u && thread == 0u) { endForward(pass_); }
  let member = memberAt(group.y);
  if (pass_ >= member.passes) { return; }
  let theta = member.slot * SLOT;
  let xi = theta + layerQuads;
  let lane = thread % LANES;
  let column = thread / LANES;
  let firstA = group.x % runs * RUN;
  let firstB = firstA + group.x / runs * DIFFERENCES;

  #repeat a RUN
  let x$(a) = theta + (firstA + $(a)u) % P * MQ;
  #end
  #repeat b RUN+DIFFERENCES+-1
  let y$(b) = theta + (firstB + $(b)u) % P * MQ;
  #end
  #repeat j TJ
  let r$(j) = xi + min(column * TJ + $(j)u, P - 1u) * MQ;
  #repeat d DIFFERENCES
  #repeat a RUN
  var s$(d)_$(a)_$(j) = 0.0;
  #end
  #end
  #end
  #repeat j TJ
  var w$(j) = state[r$(j) + min(lane, MQ - 1u)];
  #end
  for (var q = lane; q < MQ; q += LANES) {
    #repeat a RUN
    let v$(a) = state[x$(a) + q];
    #end
    #repeat b RUN+DIFFERENCES+-1
    let z$(b) = state[y$(b) + q];
    #end
    // The next quad's, while this one's are used.
    let next = min(q + LANES, MQ - 1u);
    #repeat j TJ
    let n$(j) = state[r$(j) + next];
    #end
    #repeat d DIFFERENCES
    #repeat a RUN
    {
      let h = activation(v$(a) + z$(a+d));
      #repeat j TJ
      s$(d)_$(a)_$(j) = fma(h.w, w$(j).w, fma(h.z, w$(j).z, fma(h.y, w$(j).y, fma(h.x, w$(j).x, s$(d)_$(a)_$(j)))));
      #end
    }
    #end
    #end
    #repeat j TJ
    w$(j) = n$(j);
    #end
  }
  #repeat d DIFFERENCES
  #repeat round RUN/ROUND
  workgroupBarrier();
  #repeat i ROUND
  #repeat j TJ
  sums[($(i)u * width + column * TJ + $(j)u) * sumStride + lane] = s$(d)_$(round*ROUND+i)_$(j);
  #end
  #end
  workgroupBarrier();
  for (var o = thread; o < ROUND * width; o += threads) {
    var s = vec4f(0.0);
    for (var i = 0u; i < LANES; i += 4u) {
      let k = o * sumStride + i;
      s += vec4f(sums[k], sums[k + 1u], sums[k + 2u], sums[k + 3u]);
    }
    logits[($(d)u * RUN + $(round)u * ROUND) * width + o] = (s.x + s.y) + (s.z + s.w);
  }
  #end
  #end
  workgroupBarrier();
  for (var i = thread; i < pairs * PARTS; i += threads) {
    let row = i / PARTS * width;
    let first = i % PARTS * part;
    partAnswer[i] = largestOf(row, first);
    var wild = 0.0;
    for (var j = first; j < min(first + part, P); j++) { wild = select(wild, 1.0, isOutOfRange(logits[row + j])); }
    partWild[i] = wild;
  }
  workgroupBarrier();
  // Before the logits give way to their exponentials.
  for (var t = thread; t < pairs; t += threads) {
    let row = t * width;
    let u = pairOf(group.x, t);
    let entry = entries[member.slot * U + min(u, U - 1u)];
    let most = logits[row + answerOf(t)];
    traces[t].losses = vec4f(most - logits[row + labelOf(entry, 0u)], most - logits[row + labelOf(entry, 1u)], 0.0, 0.0);
    let i = t * PARTS;
    let wild = (partWild[i] + partWild[i + 1u]) + (partWild[i + 2u] + partWild[i + 3u]);
    traces[t].counts = vec4f(f32(answerOf(t)), wild, most, 0.0);
  }
  workgroupBarrier();
  for (var o = thread; o < outputs; o += threads) {
    logits[o] = expNonPositive(vec4f(logits[o] - traces[o / width].counts.z)).x;
  }
  workgroupBarrier();
  for (var i = thread; i < pairs * PARTS; i += threads) {
    let t = i / PARTS;
    let answer = u32(traces[t].counts.x);
    var s = 0.0;
    for (var j = i % PARTS * part; j < min(i % PARTS * part + part, P); j++) {
      s += select(logits[t * width + j], 0.0, j == answer);
    }
    partSum[i] = s;
  }
  workgroupBarrier();
  for (var o = thread; o < outputs; o += threads) {
    let t = o % pairs;
    let j = o / pairs;
    let u = pairOf(group.x, t);
    if (u < U && j < P) {
      let others = (partSum[t * PARTS] + partSum[t * PARTS + 1u]) + (partSum[t * PARTS + 2u] + partSum[t * PARTS + 3u]);
      logitGradient[(member.slot * P + j) * US + u] = gradientOf(entries[member.slot * U + u], j, u32(traces[t].counts.x),
                                                                logits[t * width + j], others, member.inverseTrained);
    }
  }
  workgroupBarrier();
  for (var t = thread; t < pairs; t += threads) {
    let u = pairOf(group.x, t);
    let others = (partSum[t * PARTS] + partSum[t * PARTS + 1u]) + (partSum[t * PARTS + 2u] + partSum[t * PARTS + 3u]);
    let at = traces[t];
    var r = PairTrace(vec4f(0.0), vec4f(0.0));
    if (u < U) {
      r = traceOf(entries[member.slot * U + u], u32(at.counts.x), others, at.losses.xy);
      r.counts.z = at.counts.y;
    }
    traces[t] = r;
  }
  workgroupBarrier();
  if (thread == 0u) {
    var sum = traces[0];
    for (var t = 1u; t < pairs; t++) { sum = addPair(sum, traces[t]); }
    let at = partialsAt(group.y, pass_) + 2u * group.x;
    partials[at] = sum.losses;
    partials[at + 1u] = sum.counts;
  }
}
