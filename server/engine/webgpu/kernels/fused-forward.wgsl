// Logits of a tile of pairs, their losses and their gradients, in one workgroup.
//
// An invocation has a residue a, the pairs of DIFFERENCES differences d from it, TJ of the logits, one in every COLUMNS, and one in PARTS of
// the quads of neurons; it keeps its sums over those in registers. Invocations of a workgroup are [part, column, PAIR_LANES], so neighbours
// fetch neighbouring quads. The parts' sums meet in workgroup memory, some logits of one difference at a time, and are added in their order:
// so the logits' bits depend on PARTS, and on nothing else of how the work is cut up.

const pairs = DIFFERENCES * PAIR_LANES;
const width = COLUMNS * TJ;
const threads = PAIR_LANES * PARTS * COLUMNS;
const items = P * ((P / 2u + DIFFERENCES) / DIFFERENCES);
// Odd, so that neighbouring pairs' logits lie in different banks; and parts whose invocations are in one warp likewise.
const rowStride = width / 2u * 2u + 1u;
const partStride = (COLUMNS * ROUND * PAIR_LANES + 31u) / 32u * 32u + PAIR_LANES % 32u;
// Pieces into which a row of logits is cut for its maximum and its sum.
const PIECES = 8u;
const piece = (P + PIECES - 1u) / PIECES;

// [part, column, logit of the round, lane]
var<workgroup> sums: array<f32, PARTS * partStride>;
var<workgroup> entryOf: array<u32, pairs>;
// [pair, logit]: logits, then e^{f - most}
var<workgroup> logits: array<f32, pairs * rowStride>;
var<workgroup> pieceAnswer: array<u32, pairs * PIECES>;
var<workgroup> pieceSum: array<f32, pairs * PIECES>;
var<workgroup> pieceWild: array<f32, pairs * PIECES>;
// Of each pair: (answer, logits out of range, largest logit, 0), and by how much the logits of both labels lie below that.
var<workgroup> seen: array<vec4f, pairs>;
var<workgroup> below: array<vec2f, pairs>;

// Number of the t-th pair of the tile; U when the tile reaches beyond the pairs.
fn pairOf(tile: u32, t: u32) -> u32 {
  let item = tile * PAIR_LANES + t % PAIR_LANES;
  let d = item / P * DIFFERENCES + t / PAIR_LANES;
  return select(U, d * P + item % P, d <= P / 2u);
}

// The largest of a piece of a row of logits; of equals the lowest.
fn largestOf(row: u32, first: u32) -> u32 {
  var answer = min(first, P - 1u);
  var most = logits[row + answer];
  for (var j = first + 1u; j < min(first + piece, P); j++) {
    let f = logits[row + j];
    if (f > most) {
      most = f;
      answer = j;
    }
  }
  return answer;
}

fn answerOf(t: u32) -> u32 {
  var answer = pieceAnswer[t * PIECES];
  for (var i = 1u; i < PIECES; i++) {
    let other = pieceAnswer[t * PIECES + i];
    if (logits[t * rowStride + other] > logits[t * rowStride + answer]) { answer = other; }
  }
  return answer;
}

fn othersOf(t: u32) -> f32 {
  let i = t * PIECES;
  return ((pieceSum[i] + pieceSum[i + 1u]) + (pieceSum[i + 2u] + pieceSum[i + 3u])) +
      ((pieceSum[i + 4u] + pieceSum[i + 5u]) + (pieceSum[i + 6u] + pieceSum[i + 7u]));
}

@compute @workgroup_size(threads)
fn forward(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) thread: u32) {
  let member = memberAt(group.y);
  let pass_ = forwardPass(thread);
  if (group.x == 0u && group.y == 0u && thread == 0u) { endForward(pass_); }
  if (pass_ >= member.passes) { return; }
  let lane = thread % PAIR_LANES;
  // The only column's number is known to the compiler.
  let column = thread / PAIR_LANES % COLUMNS;
  let part = thread / (PAIR_LANES * COLUMNS);
  let item = min(group.x * PAIR_LANES + lane, items - 1u);
  let x = member.slot * SLOT + item % P;
  #repeat d DIFFERENCES
  let y$(d) = member.slot * SLOT + (item % P + item / P * DIFFERENCES + $(d)u) % P;
  #end
  let xi = member.slot * SLOT + layerQuads;
  // Those beyond P are nobody's.
  #repeat j TJ
  let r$(j) = xi + min($(j)u * COLUMNS + column, P - 1u);
  #end
  #repeat d DIFFERENCES
  #repeat j TJ
  var s$(d)_$(j) = 0.0;
  #end
  #end
  // What the pairs are, for when their logits are there.
  #repeat i ENTRY_ITEMS
  let entry$(i) = entries[member.slot * U + min(pairOf(group.x, thread + $(i)u * threads), U - 1u)];
  #end
  // AHEAD quads are fetched at once, so that few invocations do not wait for each.
  for (var q = part; q < MQ; q += PARTS * AHEAD) {
    #repeat i AHEAD
    let at$(i) = min(q + $(i)u * PARTS, MQ - 1u) * P;
    let v$(i) = state[x + at$(i)];
    #repeat d DIFFERENCES
    let v$(i)_$(d) = state[y$(d) + at$(i)];
    #end
    #repeat j TJ
    let w$(i)_$(j) = state[r$(j) + at$(i)];
    #end
    #end
    #repeat i AHEAD
    if (q + $(i)u * PARTS < MQ) {
      #repeat d DIFFERENCES
      let h$(d) = activation(v$(i) + v$(i)_$(d));
      #end
      #repeat j TJ
      #repeat d DIFFERENCES
      s$(d)_$(j) = fma(h$(d).w, w$(i)_$(j).w, fma(h$(d).z, w$(i)_$(j).z, fma(h$(d).y, w$(i)_$(j).y, fma(h$(d).x, w$(i)_$(j).x, s$(d)_$(j)))));
      #end
      #end
    }
    #end
  }

  #repeat i ENTRY_ITEMS
  if (thread + $(i)u * threads < pairs) { entryOf[thread + $(i)u * threads] = entry$(i); }
  #end
  #repeat d DIFFERENCES
  #rounds
  workgroupBarrier();
  #repeat j $(count)
  sums[part * partStride + (column * $(count)u + $(j)u) * PAIR_LANES + lane] = s$(d)_$(first+j);
  #end
  workgroupBarrier();
  for (var o = thread; o < COLUMNS * $(count)u * PAIR_LANES; o += threads) {
    var s = vec4f(0.0);
    for (var i = 0u; i < PARTS; i += 4u) {
      let k = i * partStride + o;
      s += vec4f(sums[k], sums[k + partStride], sums[k + 2u * partStride], sums[k + 3u * partStride]);
    }
    let j = o / PAIR_LANES;
    logits[($(d)u * PAIR_LANES + o % PAIR_LANES) * rowStride + ($(first)u + j % $(count)u) * COLUMNS + j / $(count)u] = (s.x + s.y) + (s.z + s.w);
  }
  #end
  #end
  workgroupBarrier();
  for (var i = thread; i < pairs * PIECES; i += threads) {
    let row = i / PIECES * rowStride;
    let first = i % PIECES * piece;
    pieceAnswer[i] = largestOf(row, first);
    var wild = 0.0;
    for (var j = first; j < min(first + piece, P); j++) { wild = select(wild, 1.0, isOutOfRange(logits[row + j])); }
    pieceWild[i] = wild;
  }
  workgroupBarrier();
  // Before the logits give way to their exponentials.
  for (var t = thread; t < pairs; t += threads) {
    let row = t * rowStride;
    let entry = entryOf[t];
    let answer = answerOf(t);
    let most = logits[row + answer];
    var wild = 0.0;
    for (var i = t * PIECES; i < (t + 1u) * PIECES; i++) { wild = max(wild, pieceWild[i]); }
    seen[t] = vec4f(f32(answer), wild, most, 0.0);
    below[t] = vec2f(most) - vec2f(logits[row + labelOf(entry, 0u)], logits[row + labelOf(entry, 1u)]);
  }
  workgroupBarrier();
  for (var i = thread; i < pairs * PIECES; i += threads) {
    let t = i / PIECES;
    let answer = u32(seen[t].x);
    var s = 0.0;
    for (var j = i % PIECES * piece; j < min(i % PIECES * piece + piece, P); j++) {
      let e = expNonPositive(vec4f(logits[t * rowStride + j] - seen[t].z)).x;
      logits[t * rowStride + j] = e;
      s += select(e, 0.0, j == answer);
    }
    pieceSum[i] = s;
  }
  workgroupBarrier();
  for (var i = thread; i < pairs * JQ; i += threads) {
    let t = i / JQ;
    let u = pairOf(group.x, t);
    if (u < U) {
      let entry = entryOf[t];
      let answer = u32(seen[t].x);
      let others = othersOf(t);
      var g = vec4f(0.0);
      #repeat c 4
      {
        let j = i % JQ * 4u + $(c)u;
        if (j < P) { g[$(c)] = gradientOf(entry, j, answer, logits[t * rowStride + j], others, member.inverseTrained); }
      }
      #end
      logitGradient[pairAt(member.slot, u) + i % JQ] = g;
    }
  }
  // A pair's trace by itself: sums of a tile's would depend on how many pairs it has. By those who have the fewest gradients.
  for (var t = threads - 1u - thread; t < pairs; t += threads) {
    let u = pairOf(group.x, t);
    if (u < U) {
      let r = traceOf(entryOf[t], u32(seen[t].x), othersOf(t), below[t]);
      let at = pairAt(member.slot, u) + JQ;
      logitGradient[at] = r.losses;
      logitGradient[at + 1u] = r.counts + vec4f(0.0, 0.0, seen[t].y, 0.0);
    }
  }
}
