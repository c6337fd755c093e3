// The gradients of QUADS quads of neurons, over all pairs, and their update, in one workgroup.
//
// For each quad, LANES invocations share the pairs, in COLUMNS groups of TJ logits. Each recomputes the activations of its pairs and, from the
// gradients of its logits, adds to the gradient of xi (kept in registers) and to that of the activations. The latter wait in workgroup memory
// for the sum over the pairs of each residue; after that the former meet there, ROUND logits of each group at a time.

const threads = LANES * COLUMNS * QUADS;
const segment = LANES / SEGMENTS;
// One more than the lanes, for the banks.
const sumStride = LANES + 1u;
// Parts of the sum over the pairs of a residue.
const PARTS = 4u;

// [P, QUADS]
var<workgroup> theta: array<vec4f, P * QUADS>;
// [COLUMNS TJ, QUADS], zero beyond P
var<workgroup> xi: array<vec4f, COLUMNS * TJ * QUADS>;
// First the pairs' gradients, [COLUMNS, QUADS, U], then sums of lanes, [QUADS, COLUMNS, ROUND, lane].
var<workgroup> room: array<vec4f, ROOM>;
var<workgroup> parts: array<vec4f, PARTS_ROOM>;
// [layer, P, QUADS]
var<workgroup> gradient: array<vec4f, (P + COLUMNS * TJ) * QUADS>;
var<workgroup> norms: array<vec4f, threads>;

@compute @workgroup_size(threads)
fn backward(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) thread: u32) {
  let pass_ = backwardPass(thread);
  if (group.x == 0u && group.y == 0u && thread == 0u) { endBackward(pass_); }
  let member = memberAt(group.y);
  if (pass_ >= member.passes) { return; }
  let firstQuad = group.x * QUADS;
  let base = member.slot * SLOT + firstQuad;
  let lane = thread % LANES;
  let column = thread / LANES % COLUMNS;
  let mine = thread / (LANES * COLUMNS);
  for (var i = thread; i < COLUMNS * TJ * QUADS; i += threads) {
    let j = i / QUADS;
    let q = i % QUADS;
    xi[i] = vec4f(0.0);
    if (j < P) {
      theta[i] = vec4f(0.0);
      if (firstQuad + q < MQ) {
        theta[i] = state[base + j * MQ + q];
        xi[i] = state[base + layerQuads + j * MQ + q];
      }
    }
  }
  workgroupBarrier();

  let rows = (member.slot * P + column * TJ) * US;
  #repeat j TJ
  let row$(j) = rows + min($(j)u, P - 1u - column * TJ) * US;
  var g$(j) = logitGradient[row$(j) + min(lane, U - 1u)];
  var x$(j) = vec4f(0.0);
  #end
  for (var u = lane; u < U; u += LANES) {
    // The next pair's, while this one's are used.
    let next = min(u + LANES, U - 1u);
    #repeat j TJ
    let n$(j) = logitGradient[row$(j) + next];
    #end
    let h = activation(theta[firstResidue(u) * QUADS + mine] + theta[secondResidue(u) * QUADS + mine]);
    var d = vec4f(0.0);
    #repeat j TJ
    x$(j) = fma(vec4f(g$(j)), h, x$(j));
    d = fma(vec4f(g$(j)), xi[(column * TJ + $(j)u) * QUADS + mine], d);
    #end
    room[(column * QUADS + mine) * U + u] = d;
    #repeat j TJ
    g$(j) = n$(j);
    #end
  }

  workgroupBarrier();
  for (var i = thread; i < QUADS * U; i += threads) {
    let u = i % U;
    let q = i / U;
    var d = room[i];
    for (var c = 1u; c < COLUMNS; c++) { d += room[c * QUADS * U + i]; }
    room[i] = d * slope(theta[firstResidue(u) * QUADS + q] + theta[secondResidue(u) * QUADS + q]);
  }
  workgroupBarrier();
  // Residue r is the first of the pairs (d, r), and the second of the pairs (d, r - d).
  for (var i = thread; i < P * QUADS * PARTS; i += threads) {
    let r = i % P;
    let q = i / P % QUADS;
    var s = vec4f(0.0);
    for (var d = i / (P * QUADS); d <= P / 2u; d += PARTS) {
      let at = q * U + d * P;
      s += room[at + r] + room[at + select(r + P - d, r - d, r >= d)];
    }
    parts[i] = s;
  }
  workgroupBarrier();
  for (var i = thread; i < P * QUADS; i += threads) {
    let stride = P * QUADS;
    gradient[i % P * QUADS + i / P] = (parts[i] + parts[i + stride]) + (parts[i + 2u * stride] + parts[i + 3u * stride]);
  }

  // Row c * count + j of a quad's is logit first + j of group c.
  #rounds
  workgroupBarrier();
  #repeat j $(count)
  room[((mine * COLUMNS + column) * $(count)u + $(j)u) * sumStride + lane] = x$(first+j);
  #end
  workgroupBarrier();
  for (var i = thread; i < QUADS * COLUMNS * $(count)u * SEGMENTS; i += threads) {
    let from_ = i / SEGMENTS * sumStride + i % SEGMENTS;
    var s = vec4f(0.0);
    for (var k = 0u; k < segment; k++) { s += room[from_ + k * SEGMENTS]; }
    parts[i] = s;
  }
  workgroupBarrier();
  for (var i = thread; i < QUADS * COLUMNS * $(count)u; i += threads) {
    var s = vec4f(0.0);
    for (var k = 0u; k < SEGMENTS; k++) { s += parts[i * SEGMENTS + k]; }
    let row = i % (COLUMNS * $(count)u);
    let j = row / $(count)u * TJ + $(first)u + row % $(count)u;
    gradient[(P + j) * QUADS + i / (COLUMNS * $(count)u)] = s;
  }
  #end

  workgroupBarrier();
  var norm = vec4f(0.0);
  for (var i = thread; i < 2u * P * QUADS; i += threads) {
    let quad = firstQuad + i % QUADS;
    if (quad < MQ) {
      let g = withoutPadding(gradient[i], quad);
      norm += updateQuad(group.y, member.slot, member.updates, pass_, i / QUADS * MQ + quad, g);
    }
  }
  norms[thread] = norm;
  workgroupBarrier();
  if (thread < 8u) {
    for (var i = thread + 8u; i < threads; i += 8u) { norm += norms[i]; }
    parts[thread] = norm;
  }
  workgroupBarrier();
  if (thread == 0u) {
    var s = parts[0];
    for (var i = 1u; i < 8u; i++) { s += parts[i]; }
    partials[partialsAt(group.y, pass_) + 2u * FORWARD_PARTIALS + group.x] = s;
  }
}
