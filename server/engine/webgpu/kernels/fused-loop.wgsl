// Many passes of one network in one dispatch: all workgroups run at once, and meet after each half of a pass, which takes a card less time than to begin
// the next dispatch. A workgroup does what one of fused-forward.wgsl does, then what one of fused-backward.wgsl does; where there are fewer
// than either needs, in turns, as on the software adapter, which runs one for sure. How many there are changes no bit.
//
// What goes from one workgroup to others goes through atomics: of other memory WGSL promises nothing while a dispatch runs, and an NVIDIA card
// keeps what it has read in a multiprocessor's first cache, where it grows old. Atomics alone are in no order among each other. But one that
// gives back what was there before is done when that is back: so each invocation waits for all of its own, the workgroup for all its
// invocations, and then one of them says so. They are 4 bytes each; neighbours have neighbouring ones, which a warp then reads as one. And an
// invocation waits for each before it makes the next one: so each gives one number rather than one of them four.

// How many workgroups have arrived, in all; 1 when one has waited in vain; one that nobody reads; then, from 64 on, what they give each other: theta, [residue,
// quad, 4]; xi, [4, j, quad, column], its row being j COLUMNS + column; the rows of the logit gradient, [pair, 4 JQ]; the parts of the trace,
// [pair, 8].
@group(0) @binding(3) var<storage, read_write> exchange: array<atomic<u32>>;

const thetaFrom = 64u;
const xiFrom = thetaFrom + 4u * layerQuads;
const rowsFrom = xiFrom + 4u * TJ * COLUMNS * MQ;
const tracesFrom = rowsFrom + U * 4u * JQ;
// Of the rows of theta that a workgroup of the forward half needs.
const thetaWords = (DIFFERENCES + 1u) * 4u * MQ;

fn thetaWord(residue: u32, quad: u32) -> u32 { return thetaFrom + (residue * MQ + quad) * 4u; }
fn xiWord(j: u32, column: u32, quad: u32, c: u32) -> u32 { return xiFrom + ((c * TJ + j) * MQ + quad) * COLUMNS + column; }

// How often the workgroup has arrived, and whether it has waited in vain: then it waits no more.
var<private> arrivals: u32;
var<private> isLost: bool;
// Looks at the count before that, each of which takes as long as a load from the second cache.
const mostLooks = 1u << 20u;

// Of what was there before what was given: who looks at it has waited for it.
var<private> given: u32;

fn give(at: u32, x: f32) { given |= atomicExchange(&exchange[at], bitcast<u32>(x)); }

// Weights of the workgroup's neurons, [layer, row, quad], on their way to the others.
var<workgroup> ownWeights: array<vec4f, 2u * rows>;

fn keepWeights(i: u32, w: vec4f) {
  state[i] = w;
  ownWeights[ownAt(i)] = w;
}

// `i`: of theta's quads, then of xi's.
fn ownAt(i: u32) -> u32 { return i / layerQuads * rows + i % P * quads + i % layerQuads / P % quads; }

fn giveOwn(g: u32, thread: u32) {
  for (var k = thread; k < 8u * rows; k += THREADS) {
    let row = k / 4u % rows / quads;
    let quad = g * quads + k / 4u % quads;
    let c = k % 4u;
    let to = select(xiWord(row / COLUMNS, row % COLUMNS, quad, c), thetaWord(row, quad) + c, k < 4u * rows);
    if (quad < MQ) { give(to, ownWeights[k / 4u][c]); }
  }
}

// Says that the workgroup has given what it has to.
fn arrive(thread: u32) {
  // It makes no difference, but no compiler knows.
  if (given == 0xffffffffu) { atomicAdd(&exchange[2], 1u); }
  given = 0u;
  storageBarrier();
  arrivals++;
  if (thread == 0u) { atomicAdd(&exchange[0], 1u); }
}

// Waits for all to have arrived as often.
fn meet(groups: vec3u, thread: u32) {
  if (thread == 0u && !isLost) {
    var looks = 0u;
    while (atomicLoad(&exchange[0]) < groups.x * arrivals) {
      looks++;
      isLost = looks == mostLooks || (looks % 1024u == 0u && atomicLoad(&exchange[1]) != 0u);
      if (isLost) { break; }
    }
    if (isLost) { atomicStore(&exchange[1], 1u); }
  }
  storageBarrier();
  workgroupBarrier();
}

// The last one leaves the count as it was before the first.
fn leave(groups: vec3u, thread: u32) {
  arrivals++;
  if (thread == 0u && atomicAdd(&exchange[0], 1u) + 1u == groups.x * arrivals) { atomicStore(&exchange[0], 0u); }
}

// The first pass of the dispatch, and how many it makes: the eighth of that pass's scalars, which no optimizer has. None once any workgroup has waited in vain: where others have
// ended, what is said here is not of this dispatch.
var<workgroup> sharedRange: vec2u;

@compute @workgroup_size(THREADS)
fn main(@builtin(num_workgroups) groups: vec3u, @builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) thread: u32) {
  if (thread == 0u) {
    let first = u32(submission[0].x);
    sharedRange = vec2u(first, u32(submission[scalarsAt(0u, first) + 1u].w));
    if (atomicLoad(&exchange[1]) != 0u) { sharedRange.y = 0u; }
  }
  let range = workgroupUniformLoad(&sharedRange);
  if (range.y == 0u) { return; }
  for (var g = group.x; g < GROUPS; g += groups.x) {
    for (var k = thread; k < 2u * rows; k += THREADS) {
      ownWeights[k] = state[k / rows * layerQuads + weightAt(k % rows / quads, min(g * quads + k % quads, MQ - 1u))];
    }
    workgroupBarrier();
    giveOwn(g, thread);
    workgroupBarrier();
  }
  let hasTraces = group.x == GROUPS % groups.x;
  for (var i = 0u; i < range.y; i++) {
    arrive(thread);
    // Of the pass before: nobody waits for them.
    if (hasTraces && i > 0u) { sumTraces(thread, 0u, partialsAt(0u, range.x + i - 1u)); }
    fetchOwn(group.x, thread);
    meet(groups, thread);
    for (var g = group.x; g < FORWARD_GROUPS; g += groups.x) { forward(vec3u(g, 0u, 0u), thread); }
    arrive(thread);
    for (var g = group.x; g <= GROUPS; g += groups.x) { backward(groups, vec3u(g, 0u, 0u), thread, range.x + i, g == group.x); }
    if (group.x > GROUPS) { meet(groups, thread); }
  }
  if (hasTraces) { sumTraces(thread, 0u, partialsAt(0u, range.x + range.y - 1u)); }
  if (group.x == 0u && thread == 0u) { submission[0].x = f32(range.x + range.y); }
  leave(groups, thread);
}
