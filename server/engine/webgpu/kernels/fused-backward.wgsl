// The gradient of a quad of neurons, over all pairs, and their update, in one workgroup.
//
// LANES invocations share the pairs, in COLUMNS groups of TJ logits. Each recomputes the quad's activations of its pairs and, from the
// gradients of its logits, adds to the gradient of xi (kept in registers) and to that of the activations. The former meet in workgroup
// memory, ROUND logits of each group at a time; the latter wait there for the sum over the pairs of each residue.

const threads = LANES * COLUMNS;
const segment = LANES / SEGMENTS;
// One more than the lanes, for the banks.
const sumStride = LANES + 1u;

var<workgroup> theta: array<vec4f, P>;
// Zero beyond P.
var<workgroup> xi: array<vec4f, COLUMNS * TJ>;
var<workgroup> pairGradient: array<vec4f, COLUMNS * U>;
var<workgroup> sums: array<vec4f, COLUMNS * ROUND * sumStride>;
var<workgroup> parts: array<vec4f, COLUMNS * ROUND * SEGMENTS>;
// [layer, P]
var<workgroup> gradient: array<vec4f, P + COLUMNS * TJ>;
var<workgroup> norms: array<vec4f, threads>;

@compute @workgroup_size(threads)
fn backward(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) thread: u32) {
  let pass_ = backwardPass(thread);
  if (group.x == 0u && group.y == 0u && thread == 0u) { passCounter[0] = pass_ + 1u; }
  let member = members[group.y];
  if (pass_ >= member.passes) { return; }
  let quad = group.x;
  let base = member.slot * weightsStride + quad;
  let firstLogit = thread / LANES * TJ;
  for (var j = thread; j < COLUMNS * TJ; j += threads) {
    xi[j] = vec4f(0.0);
    if (j < P) {
      theta[j] = weights[base + j * MQ];
      xi[j] = weights[base + (P + j) * MQ];
    }
  }
  workgroupBarrier();

  #repeat j TJ
  var x$(j) = vec4f(0.0);
  #end
  for (var u = thread % LANES; u < U; u += LANES) {
    let h = activation(theta[firstResidue(u)] + theta[secondResidue(u)]);
    var d = vec4f(0.0);
    let column = member.slot * P * US + u;
    #repeat j TJ
    let g$(j) = logitGradient[column + min(firstLogit + $(j)u, P - 1u) * US];
    #end
    #repeat j TJ
    x$(j) = fma(vec4f(g$(j)), h, x$(j));
    d = fma(vec4f(g$(j)), xi[firstLogit + $(j)u], d);
    #end
    pairGradient[thread / LANES * U + u] = d;
  }

  // Group c's logit first + j is row c * count + j of a round.
  #rounds
  workgroupBarrier();
  #repeat j $(count)
  sums[(thread / LANES * $(count)u + $(j)u) * sumStride + thread % LANES] = x$(first+j);
  #end
  workgroupBarrier();
  for (var i = thread; i < COLUMNS * $(count)u * SEGMENTS; i += threads) {
    let from_ = i / SEGMENTS * sumStride + i % SEGMENTS * segment;
    var s = vec4f(0.0);
    for (var k = 0u; k < segment; k++) { s += sums[from_ + k]; }
    parts[i] = s;
  }
  workgroupBarrier();
  for (var i = thread; i < COLUMNS * $(count)u; i += threads) {
    var s = vec4f(0.0);
    for (var k = 0u; k < SEGMENTS; k++) { s += parts[i * SEGMENTS + k]; }
    gradient[P + i / $(count)u * TJ + $(first)u + i % $(count)u] = s;
  }
  #end

  // The sums over the groups; then residue r is the first of the pairs (d, r), and the second of the pairs (d, r - d).
  for (var u = thread; u < U; u += threads) {
    var d = pairGradient[u];
    for (var c = 1u; c < COLUMNS; c++) { d += pairGradient[c * U + u]; }
    pairGradient[u] = d * slope(theta[firstResidue(u)] + theta[secondResidue(u)]);
  }
  workgroupBarrier();
  for (var r = thread; r < P; r += threads) {
    var s = vec4f(0.0);
    for (var d = 0u; d <= P / 2u; d++) {
      s += pairGradient[d * P + r] + pairGradient[d * P + (r + P - d) % P];
    }
    gradient[r] = s;
  }
  workgroupBarrier();
  var norm = vec4f(0.0);
  for (var i = thread; i < 2u * P; i += threads) {
    norm += updateQuad(member.slot, group.y, pass_, i * MQ + quad, withoutPadding(gradient[i], quad));
  }
  norms[thread] = norm;
  workgroupBarrier();
  if (thread == 0u) {
    var s = norms[0];
    for (var i = 1u; i < min(threads, 2u * P); i++) { s += norms[i]; }
    partials[partialsAt(group.y, pass_) + 2u * FORWARD_PARTIALS + quad] = s;
  }
}
