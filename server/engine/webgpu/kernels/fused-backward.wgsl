// The gradients of NEURONS neurons, over all pairs, and their update, in one workgroup: for few networks, whose kernels wait more than they
// compute.
//
// An invocation has one neuron and one segment of the pairs, see fused-gradient.wgsl. It keeps its part of the gradient of xi in registers until
// it is done, and what each pair adds to theta goes to workgroup memory. Then an invocation has a row, of theta or of xi, of a quad of neurons:
// it adds up what the segments left and updates the row's weights.

// Those that have a segment; of a workgroup that has more, the others help with the rest.
const backwardThreads = NEURONS * P * RUNS;
const quads = NEURONS / 4u;
const rows = P * quads;
// Invocations with rows of theta; the others, in warps of their own where there are so many, have those of xi.
const thetaLanes = select(THREADS / 2u, (THREADS / 2u + 31u) / 32u * 32u, THREADS >= 64u);

// [residue, neuron]
var<workgroup> theta: array<f32, P * NEURONS>;
// [pair, quad]: what a pair adds to both of its residues
var<workgroup> ofPair: array<vec4f, U * quads>;
// What rowAt reads; then [segment, logit, quad]: parts of the gradient of xi
var<workgroup> room: array<vec4f, max(laneSums, max(stagedQuads, P * RUNS * rows))>;
// [layer, row, quad]
var<workgroup> norms: array<vec4f, 2u * rows>;
// [quad, part]
var<workgroup> normParts: array<vec4f, 8u * quads>;

fn keepLaneSum(i: u32, sum: vec4f) { room[i] = sum; }
fn laneSumAt(i: u32) -> vec4f { return room[i]; }

fn thetaGradient(row: u32, quad: u32) -> vec4f {
  // The a's from row - P / 2 on to row, or from 0; then those from row + P / 2 + 1 on, whose a + d is row + P. The next pair has a one larger and
  // d one smaller.
  let near = min(row, P / 2u);
  let below = near * P + row - near;
  let above = (near + differences) * P + row + P / 2u - near;
  var asFirst = vec4f(0.0);
  #repeat i P/2+1
  asFirst += ofPair[($(i)u * P + row) * quads + quad];
  #end
  var s = vec4f(0.0);
  #repeat i P/2+1
  s += ofPair[(select(below, above, $(i)u > near) + $(i)u - $(i)u * P) * quads + quad];
  s += select(vec4f(0.0), asFirst, $(i)u == near);
  #end
  return s;
}

fn xiGradient(row: u32, quad: u32) -> vec4f {
  var s = vec4f(0.0);
  #repeat i P*RUNS
  s += room[$(i)u * rows + row * quads + quad];
  #end
  return s;
}

#repeat once LOOPED
// What an invocation needs of its own neurons, fetched while others are still waited for: the weight of its a, those of xi, and its rows.
var<private> ownTheta: f32;
#repeat k JQ
var<private> ownXi$(k): vec4f;
#end
#repeat i ROWS
var<private> ownRow$(i): Trained;
#end

fn fetchOwn(g: u32, thread: u32) {
  let neuron = thread % NEURONS;
  let firstQuad = g * quads;
  let base = min(firstQuad + neuron / 4u, MQ - 1u) * P;
  ownTheta = state[base + thread / NEURONS % P][neuron % 4u];
  #repeat j P
  ownXi$(j/4)[$(j)u % 4u] = state[base + layerQuads + $(j)u][neuron % 4u];
  #end
  let isXi = thread >= thetaLanes;
  let lane = select(thread, thread - thetaLanes, isXi);
  let lanes = select(thetaLanes, THREADS - thetaLanes, isXi);
  #repeat i ROWS
  {
    let row = min(lane + $(i)u * lanes, rows - 1u) / quads;
    let quad = min(firstQuad + (lane + $(i)u * lanes) % quads, MQ - 1u);
    ownRow$(i) = layersAt(0u, select(0u, layerQuads, isXi) + weightAt(row, quad));
  }
  #end
}

// `isFirst`: of the workgroup's turns.
fn backward(groups: vec3u, group: vec3u, thread: u32, pass_: u32, isFirst: bool) {
  let slot = 0u;
  let member = memberAt(0u);
  if (group.x == GROUPS) {
    if (isFirst) { meet(groups, thread); }
    fetchTraces(thread);
    return;
  }
  if (!isFirst) { fetchOwn(group.x, thread); }
#end
#repeat once DISPATCHED
fn backward(groups: vec3u, group: vec3u, thread: u32) {
  let slot = slotOf(groups, group.y);
  let member = memberAt(group.y);
  let counter = submission[0].y;
  if (group.x == GROUPS) {
    let pass_ = sharePass(thread, counter, member);
    if (pass_ != noPass) { sumTraces(thread, slot, partialsAt(group.y, pass_)); }
    return;
  }
#end
  let neuron = thread % NEURONS;
  // Neighbours have neighbouring a's.
  let a = thread / NEURONS % P;
  let run = thread / (NEURONS * P);
  let isAdding = THREADS == backwardThreads || run < RUNS;
  let own = neuron / 4u;
  let firstQuad = group.x * quads;
  #repeat once DISPATCHED
  fetchRows(slot, thread);
  #end
  // Quads beyond the last one compute what it does, and are not stored.
  let base = slot * SLOT + min(firstQuad + own, MQ - 1u) * P;
  #repeat once DISPATCHED
  let first = state[base + a][neuron % 4u];
  if (run == 0u) { theta[a * NEURONS + neuron] = first; }
  #repeat k JQ
  var w$(k) = vec4f(0.0);
  #end
  #repeat j P
  w$(j/4)[$(j)u % 4u] = state[base + layerQuads + $(j)u][neuron % 4u];
  #end
  #end
  #repeat once LOOPED
  let first = ownTheta;
  #repeat k JQ
  let w$(k) = ownXi$(k);
  #end
  #end
  #repeat k JQ
  var x$(k) = vec4f(0.0);
  #end
  // For the update, of which only the gradient is lacking then.
  let isXi = thread >= thetaLanes;
  let lane = select(thread, thread - thetaLanes, isXi);
  let lanes = select(thetaLanes, THREADS - thetaLanes, isXi);
  #repeat i ROWS
  let row$(i) = min(lane + $(i)u * lanes, rows - 1u) / quads;
  let quad$(i) = (lane + $(i)u * lanes) % quads;
  let at$(i) = select(0u, layerQuads, isXi) + weightAt(row$(i), min(firstQuad + quad$(i), MQ - 1u));
  #repeat once DISPATCHED
  let before$(i) = layersAt(slot, at$(i));
  #end
  #repeat once LOOPED
  let before$(i) = ownRow$(i);
  #end
  #end
  #repeat once LOOPED
  if (isFirst) { meet(groups, thread); }
  if (run == 0u) { theta[a * NEURONS + neuron] = first; }
  fetchRows(slot, thread);
  workgroupBarrier();
  #end
  #repeat once DISPATCHED
  // The barrier is in it.
  let pass_ = sharePass(thread, counter, member);
  if (group.x == 0u && group.y == 0u && thread == 0u) { endBackward(counter); }
  if (pass_ == noPass) { return; }
  #end
  let update = updateOf(group.y, member, pass_);
  let trace = partialsAt(group.y, pass_) + 2u * FORWARD_PARTIALS;

  // Written out, so that rows are on their way while those before are used. Differences beyond the last one are that one with no activation.
  #repeat i RUN
  if (isAdding) {
    let isThere = RUNS * RUN == differences || run * RUN + $(i)u < differences;
    let d = min(run * RUN + $(i)u, P / 2u);
    #repeat k JQ
    let g$(k) = rowAt(slot, d * P + a, $(k)u);
    #end
    let b = select(a + d, a + d - P, a + d >= P);
    let z = vec4f(first + theta[b * NEURONS + neuron]);
    let h = vec4f(select(0.0, activation(z).x, isThere));
    var ofHidden = vec4f(0.0);
    #repeat k JQ
    x$(k) = fma(g$(k), h, x$(k));
    ofHidden = fma(g$(k), w$(k), ofHidden);
    #end
    if (isThere) { ofPair[(d * P + a) * quads + own][neuron % 4u] = throughActivation(ofHidden, slope(z).x); }
  }
  #end
  workgroupBarrier();
  if (isAdding) {
    #repeat j P
    room[(a * RUNS + run) * rows + $(j)u * quads + own][neuron % 4u] = x$(j/4)[$(j)u % 4u];
    #end
  }
  workgroupBarrier();

  #repeat i ROWS
  if (lane + $(i)u * lanes < rows) {
    let q = firstQuad + quad$(i);
    var g: vec4f;
    if (isXi) { g = xiGradient(row$(i), quad$(i)); } else { g = thetaGradient(row$(i), quad$(i)); }
    var norm = vec4f(0.0);
    if (q < MQ) { norm = updateLayers(update, slot, at$(i), before$(i), withoutPadding(g, q)); }
    norms[select(0u, rows, isXi) + row$(i) * quads + quad$(i)] = norm;
  }
  #end
  workgroupBarrier();
  #repeat once LOOPED
  if (update.isDue) { giveOwn(group.x, thread); }
  #end
  if (thread < 8u * quads) {
    var s = vec4f(0.0);
    for (var layer = 0u; layer < 2u; layer++) {
      let first = layer * rows + thread / 8u;
      for (var r = differences + thread % 8u; r < P; r += 8u) { s += norms[first + r * quads]; }
      for (var r = thread % 8u; r < differences; r += 8u) { s += norms[first + r * quads]; }
    }
    normParts[thread] = s;
  }
  workgroupBarrier();
  if (thread < quads && firstQuad + thread < MQ) {
    #repeat i 8
    let n$(i) = normParts[8u * thread + $(i)u];
    #end
    submission[trace + firstQuad + thread] = ((n0 + n2) + (n4 + n6)) + ((n1 + n3) + (n5 + n7));
  }
}
