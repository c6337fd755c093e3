// Logits of a tile of pairs, their losses and their gradients, in one workgroup.
//
// An invocation has a residue a, the pairs of DIFFERENCES differences d from it, TJ of the logits, one in every COLUMNS, and one in PARTS of
// the quads of neurons; it keeps its sums over those in registers. Invocations of a workgroup are [part, column, PAIR_LANES], so neighbours
// fetch neighbouring quads. The parts' sums meet in workgroup memory, some at a time, and are added in their order:
// so the logits' bits depend on PARTS, and on nothing else of how the work is cut up.

const pairs = DIFFERENCES * PAIR_LANES;
const width = COLUMNS * TJ;
// Those that add; of a workgroup that has more, the others help with the rest.
const forwardThreads = PAIR_LANES * PARTS * COLUMNS;
const items = P * ((P / 2u + DIFFERENCES) / DIFFERENCES);
// Odd, so that neighbouring pairs' logits lie in different banks; and parts whose invocations are in one warp likewise.
const rowStride = width / 2u * 2u + 1u;
const partStride = (COLUMNS * ROUND * PAIR_LANES + 31u) / 32u * 32u + PAIR_LANES % 32u;
// Pieces into which a row of logits is cut for its maximum and its sum.
const piece = (P + PIECES - 1u) / PIECES;
const pieces = pairs * PIECES;
const answers = pairs * rowStride;
const mosts = answers + pieces;
const wilds = mosts + pieces;
const others = wilds + pieces;

// [part, column, sum of the round, lane]; then [pair, logit]: e^{f - most}; and, of each piece of a pair's row, [4, pair, piece]: which is the largest
// logit and how large, whether any is out of range, and the sum of e^{f - most}, but for the answer's.
var<workgroup> sums: array<f32, max(PARTS * partStride, pairs * rowStride + 4u * pieces)>;
var<workgroup> entryOf: array<u32, pairs>;
// [pair, logit]
var<workgroup> logits: array<f32, pairs * rowStride>;
// Of each pair: the answer, whether any logit is out of range, and by how much those of both labels lie below the largest.
var<workgroup> seen: array<vec4f, pairs>;

// Number of the t-th pair of the tile; U when the tile reaches beyond the pairs.
fn pairOf(tile: u32, t: u32) -> u32 {
  let item = tile * PAIR_LANES + t % PAIR_LANES;
  let d = item / P * DIFFERENCES + t / PAIR_LANES;
  return select(U, d * P + item % P, d <= P / 2u);
}

fn othersOf(t: u32) -> f32 {
  let i = others + t * PIECES;
  return ((sums[i] + sums[i + 1u]) + (sums[i + 2u] + sums[i + 3u])) + ((sums[i + 4u] + sums[i + 5u]) + (sums[i + 6u] + sums[i + 7u]));
}

// A quad of the gradient in the logits of the t-th pair.
fn rowOf(t: u32, quad: u32, member: Member) -> vec4f {
  let j = 4u * quad;
  let row = t * rowStride;
  var e = vec4f(0.0);
  #repeat c 4
  e[$(c)] = sums[row + min(j + $(c)u, P - 1u)];
  #end
  return gradientOf(entryOf[t], j, u32(seen[t].x), e, othersOf(t), member.inverseTrained);
}

fn pairTrace(t: u32) -> PairTrace {
  var r = traceOf(entryOf[t], u32(seen[t].x), othersOf(t), seen[t].zw);
  r.counts.z = seen[t].y;
  return r;
}

#repeat once LOOPED
fn forward(group: vec3u, thread: u32) {
  let slot = 0u;
  let member = memberAt(0u);
#end
#repeat once DISPATCHED
fn forward(groups: vec3u, group: vec3u, thread: u32) {
  let slot = slotOf(groups, group.y);
  let member = memberAt(group.y);
  let counter = submission[0].x;
#end
  #repeat once UNFENCED
  let pass_ = sharePass(thread, counter, member);
  if (group.x == 0u && group.y == 0u && thread == 0u) { endForward(counter); }
  if (pass_ == noPass) { return; }
  #end
  #repeat once FENCED
  var pass_ = noPass;
  #end
  let lane = thread % PAIR_LANES;
  // The only column's number is known to the compiler.
  let column = thread / PAIR_LANES % COLUMNS;
  let part = thread / (PAIR_LANES * COLUMNS);
  let isAdding = THREADS == forwardThreads || thread < forwardThreads;
  let item = min(group.x * PAIR_LANES + lane, items - 1u);
  let x = slot * SLOT + item % P;
  #repeat d DIFFERENCES
  let y$(d) = slot * SLOT + (item % P + item / P * DIFFERENCES + $(d)u) % P;
  #end
  let xi = slot * SLOT + layerQuads;
  // Those beyond P are nobody's.
  #repeat j TJ
  let r$(j) = xi + min($(j)u * COLUMNS + column, P - 1u);
  #end
  #repeat i DIFFERENCES*TJ
  var s$(i) = 0.0;
  #end
  // What the pairs are, for when their logits are there.
  #repeat i ENTRY_ITEMS
  let entry$(i) = entryAt(slot, min(pairOf(group.x, thread + $(i)u * THREADS), U - 1u));
  #end
  #repeat once LOOPED
  // Weights come from other workgroups. Rows of theta go through the room, since all columns need the same.
  #repeat i THETA_FETCHES
  let word$(i) = min(thread + $(i)u * THREADS, thetaWords - 1u);
  let place$(i) = word$(i) / (4u * MQ);
  let residue$(i) = select((item % P + item / P * DIFFERENCES + place$(i) - 1u) % P, item % P, place$(i) == 0u);
  let theta$(i) = atomicLoad(&exchange[thetaWord(residue$(i), 0u) + word$(i) % (4u * MQ)]);
  #end
  #end
  // AHEAD quads are fetched at once, so that few invocations do not wait for each. A compiler that saves registers would fetch every one just
  // before it is used; so all use hangs on what is only known behind a barrier, which no fetching passes: that there is a pass.
  for (var first = 0u; first < MQ; first += PARTS * AHEAD) {
    let q = first + part;
    #repeat i AHEAD
    var v$(i): vec4f;
    #repeat d DIFFERENCES
    var v$(i)_$(d): vec4f;
    #end
    #repeat j TJ
    var w$(i)_$(j): vec4f;
    #end
    #end
    if (isAdding) {
      #repeat i AHEAD
      #repeat once LOOPED
      #repeat j TJ
      #repeat c 4
      w$(i)_$(j)[$(c)] = bitcast<f32>(atomicLoad(&exchange[xiWord($(j)u, column, min(q + $(i)u * PARTS, MQ - 1u), $(c)u)]));
      #end
      #end
      #end
      #repeat once DISPATCHED
      let at$(i) = min(q + $(i)u * PARTS, MQ - 1u) * P;
      v$(i) = state[x + at$(i)];
      #repeat d DIFFERENCES
      v$(i)_$(d) = state[y$(d) + at$(i)];
      #end
      #repeat j TJ
      w$(i)_$(j) = state[r$(j) + at$(i)];
      #end
      #end
      #end
    }
    #repeat once LOOPED
    if (first == 0u) {
      #repeat i THETA_FETCHES
      if (thread + $(i)u * THREADS < thetaWords) { room[word$(i) / 4u][word$(i) % 4u] = bitcast<f32>(theta$(i)); }
      #end
    }
    storageBarrier();
    workgroupBarrier();
    let isFetched = true;
    if (isAdding) {
      #repeat i AHEAD
      v$(i) = room[min(q + $(i)u * PARTS, MQ - 1u)];
      #repeat d DIFFERENCES
      v$(i)_$(d) = room[$(d+1)u * MQ + min(q + $(i)u * PARTS, MQ - 1u)];
      #end
      #end
    }
    #end
    #repeat once FENCED
    storageBarrier();
    pass_ = sharePass(thread, counter, member);
    let isFetched = pass_ != noPass;
    #end
    #repeat once UNFENCED
    let isFetched = true;
    #end
    // Quads beyond the last one are the last one with no activation.
    #repeat i AHEAD
    if (isAdding) {
      let isThere = isFetched && (EVEN == 1u || q + $(i)u * PARTS < MQ);
      #repeat d DIFFERENCES
      let h$(d) = select(vec4f(0.0), activation(v$(i) + v$(i)_$(d)), isThere);
      #end
      #repeat j TJ
      #repeat d DIFFERENCES
      s$(d*TJ+j) = fma(h$(d).w, w$(i)_$(j).w, fma(h$(d).z, w$(i)_$(j).z, fma(h$(d).y, w$(i)_$(j).y, fma(h$(d).x, w$(i)_$(j).x, s$(d*TJ+j)))));
      #end
      #end
    }
    #end
  }
  #repeat once FENCED
  if (group.x == 0u && group.y == 0u && thread == 0u) { endForward(counter); }
  if (pass_ == noPass) { return; }
  #end

  #repeat i ENTRY_ITEMS
  if (thread + $(i)u * THREADS < pairs) { entryOf[thread + $(i)u * THREADS] = entry$(i); }
  #end
  #rounds
  if (isAdding) {
    #repeat i $(count)
    sums[part * partStride + (column * $(count)u + $(i)u) * PAIR_LANES + lane] = s$(first+i);
    #end
  }
  workgroupBarrier();
  for (var o = thread; o < COLUMNS * $(count)u * PAIR_LANES; o += THREADS) {
    var s = vec4f(0.0);
    for (var i = 0u; i < PARTS; i += 4u) {
      let k = i * partStride + o;
      s += vec4f(sums[k], sums[k + partStride], sums[k + 2u * partStride], sums[k + 3u * partStride]);
    }
    let sum = $(first)u + o / PAIR_LANES % $(count)u;
    let logit = sum % TJ * COLUMNS + o / PAIR_LANES / $(count)u;
    logits[(sum / TJ * PAIR_LANES + o % PAIR_LANES) * rowStride + logit] = (s.x + s.y) + (s.z + s.w);
  }
  workgroupBarrier();
  #end
  for (var i = thread; i < pairs * PIECES; i += THREADS) {
    let row = i / PIECES * rowStride;
    let first = min(i % PIECES * piece, P - 1u);
    // Of equals the lowest.
    var answer = first;
    var most = logits[row + first];
    var wild = select(0.0, 1.0, isOutOfRange(most));
    for (var k = 1u; k < piece; k++) {
      let j = min(first + k, P - 1u);
      let f = logits[row + j];
      if (f > most) {
        most = f;
        answer = j;
      }
      wild = select(wild, 1.0, isOutOfRange(f));
    }
    sums[answers + i] = f32(answer);
    sums[mosts + i] = most;
    sums[wilds + i] = wild;
  }
  workgroupBarrier();
  for (var i = thread; i < pairs * PIECES; i += THREADS) {
    let t = i / PIECES;
    let row = t * rowStride;
    var largest = sums[answers + t * PIECES];
    var most = sums[mosts + t * PIECES];
    #repeat k PIECES+-1
    {
      let other = sums[mosts + t * PIECES + $(k+1)u];
      let isLarger = other > most;
      largest = select(largest, sums[answers + t * PIECES + $(k+1)u], isLarger);
      most = select(most, other, isLarger);
    }
    #end
    let answer = u32(largest);
    var s = 0.0;
    for (var k = 0u; k < piece; k++) {
      let j = i % PIECES * piece + k;
      let e = expNonPositive(vec4f(logits[row + min(j, P - 1u)] - most)).x;
      if (j < P) { sums[row + j] = e; }
      s += select(e, 0.0, j == answer || j >= P);
    }
    sums[others + i] = s;
    if (i % PIECES == 0u) {
      let entry = entryOf[t];
      var wild = 0.0;
      #repeat k PIECES
      wild = max(wild, sums[wilds + t * PIECES + $(k)u]);
      #end
      seen[t] = vec4f(largest, wild, most - logits[row + labelOf(entry, 0u)], most - logits[row + labelOf(entry, 1u)]);
    }
  }
  workgroupBarrier();
  #repeat once DISPATCHED
  for (var i = thread; i < pairs * JQ; i += THREADS) {
    let u = pairOf(group.x, i / JQ);
    if (u < U) { logitGradient[pairAt(slot, u) + i % JQ] = rowOf(i / JQ, i % JQ, member); }
  }
  // A pair's trace by itself: sums of a tile's would depend on how many pairs it has. By those who have the fewest gradients.
  for (var t = THREADS - 1u - thread; t < pairs; t += THREADS) {
    let u = pairOf(group.x, t);
    if (u < U) {
      let r = pairTrace(t);
      let at = pairAt(slot, u) + JQ;
      logitGradient[at] = r.losses;
      logitGradient[at + 1u] = r.counts;
    }
  }
  #end
  #repeat once LOOPED
  for (var i = thread; i < pairs * JQ * 4u; i += THREADS) {
    let t = i / (4u * JQ);
    let u = pairOf(group.x, t);
    if (u < U) { give(rowsFrom + u * 4u * JQ + i % (4u * JQ), rowOf(t, i / 4u % JQ, member)[i % 4u]); }
  }
  for (var i = THREADS - 1u - thread; i < pairs * 8u; i += THREADS) {
    let u = pairOf(group.x, i / 8u);
    if (u < U) {
      let r = pairTrace(i / 8u);
      give(tracesFrom + u * 8u + i % 8u, select(r.losses, r.counts, i % 8u >= 4u)[i % 4u]);
    }
  }
  #end
}
