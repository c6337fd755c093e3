// The gradients of NEURONS neurons, over all pairs, and their update, in one workgroup.
//
// An invocation has EACH neurons, one in every COLUMNS, and one in SEGMENTS of the residues a. It goes through their pairs (a, a + d) with its
// neurons' weights xi and their gradients in registers; what a pair adds to the gradient of theta goes to sums of the invocation's own in
// workgroup memory. The segments' sums are added in their order, theta's first, then xi's in their place. So bits depend on SEGMENTS, and not
// on how many neurons a workgroup or an invocation has.

const COLUMNS = NEURONS / EACH;
const threads = COLUMNS * SEGMENTS;
const quads = NEURONS / 4u;
// Invocations that update a quad.
const lanes = 4u * SEGMENTS;
const traceLanes = min(lanes, 32u);
// Segments in one warp are at neighbouring residues: a row apart in theta, a segment and a row in the sums. Both are as many banks as
// there are columns, so that they lie beside each other; 31 n is -n among 32 banks. The rows of a quad lie in different banks.
const thetaStride = NEURONS + (31u * NEURONS + COLUMNS) % 32u;
const rowStride = NEURONS + 1u;
const segmentStride = P * rowStride + (31u * (P + 1u) * rowStride + COLUMNS) % 32u;

// [residue, neuron]
var<workgroup> theta: array<f32, P * thetaStride>;
// [segment, residue or logit, neuron]
var<workgroup> sums: array<f32, SEGMENTS * segmentStride>;
// [quad, lane]
var<workgroup> norms: array<vec4f, quads * lanes>;

// Adds the other segments' sums to those of the first. An invocation has the rows of its segment and the columns of its neurons, which
// nobody else touches.
fn addSegments(segment: u32, column: u32) {
  for (var r = segment; r < P; r += SEGMENTS) {
    for (var at = r * rowStride + column; at < r * rowStride + NEURONS; at += COLUMNS) {
      var s = sums[at];
      for (var i = 1u; i < SEGMENTS; i++) { s += sums[i * segmentStride + at]; }
      sums[at] = s;
    }
  }
}

// By at most as many invocations as update a quad: how many a workgroup has decides no bit.
fn sumTraces(thread: u32, slot: u32, to: u32) {
  #repeat i 2
  var s$(i) = vec4f(0.0);
  #end
  if (thread < traceLanes) {
    // Some pairs' at once, so that not each is waited for.
    for (var u = thread; u < U; u += 4u * traceLanes) {
      #repeat k 4
      let at$(k) = pairAt(slot, min(u + $(k)u * traceLanes, U - 1u)) + JQ;
      #repeat i 2
      let v$(k)_$(i) = logitGradient[at$(k) + $(i)u];
      #end
      #end
      #repeat k 4
      if (u + $(k)u * traceLanes < U) {
        #repeat i 2
        s$(i) += v$(k)_$(i);
        #end
      }
      #end
    }
  }
  #repeat i 2
  if (thread < traceLanes) { norms[thread] = s$(i); }
  workgroupBarrier();
  if (thread == 0u) {
    for (var k = 1u; k < traceLanes; k++) { s$(i) += norms[k]; }
    partials[to + $(i)u] = s$(i);
  }
  workgroupBarrier();
  #end
}

fn sumOf(row: u32, quad: u32) -> vec4f {
  let at = row * rowStride + 4u * quad;
  return vec4f(sums[at], sums[at + 1u], sums[at + 2u], sums[at + 3u]);
}

@compute @workgroup_size(threads)
fn backward(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) thread: u32) {
  let member = memberAt(group.y);
  let pass_ = backwardPass(thread);
  if (group.x == 0u && group.y == 0u && thread == 0u) { endBackward(pass_); }
  if (pass_ >= member.passes) { return; }
  if (group.x == GROUPS) {
    sumTraces(thread, member.slot, partialsAt(group.y, pass_));
    return;
  }
  let column = thread % COLUMNS;
  let segment = thread / COLUMNS;
  let firstQuad = group.x * quads;
  let own = segment * segmentStride + column;
  fetchRows(member.slot, thread);
  for (var r = 0u; r < P; r++) {
    for (var n = 0u; n < NEURONS; n += COLUMNS) { sums[own + r * rowStride + n] = 0.0; }
  }
  #repeat e EACH
  let neuron$(e) = column + $(e)u * COLUMNS;
  // Quads beyond the last one compute what it does, and are not stored.
  let base$(e) = member.slot * SLOT + min(firstQuad + neuron$(e) / 4u, MQ - 1u) * P;
  for (var r = segment; r < P; r += SEGMENTS) { theta[r * thetaStride + neuron$(e)] = state[base$(e) + r][neuron$(e) % 4u]; }
  #repeat k JQ
  var w$(e)_$(k) = vec4f(0.0);
  var x$(e)_$(k) = vec4f(0.0);
  #end
  #repeat j P
  w$(e)_$(j/4)[$(j)u % 4u] = state[base$(e) + layerQuads + $(j)u][neuron$(e) % 4u];
  #end
  #end
  workgroupBarrier();

  #repeat once ROW_AHEAD
  #repeat k JQ
  var n$(k) = rowAt(member.slot, segment, $(k)u);
  #end
  #end
  for (var a = segment; a < P; a += SEGMENTS) {
    #repeat e EACH
    let first$(e) = theta[a * thetaStride + neuron$(e)];
    var ofFirst$(e) = 0.0;
    #end
    var b = a;
    for (var d = 0u; d <= P / 2u; d++) {
      #repeat once ROW_AHEAD
      // The next pair's, while this one's are used.
      let next = select(min(a + SEGMENTS, P - 1u), d * P + P + a, d < P / 2u);
      #repeat k JQ
      let g$(k) = n$(k);
      n$(k) = rowAt(member.slot, next, $(k)u);
      #end
      #end
      #repeat once ROW_NOW
      #repeat k JQ
      let g$(k) = rowAt(member.slot, d * P + a, $(k)u);
      #end
      #end
      #repeat e EACH
      {
        let z = vec4f(first$(e) + theta[b * thetaStride + neuron$(e)]);
        let h = vec4f(activation(z).x);
        let s = slope(z).x;
        var ofHidden = vec4f(0.0);
        #repeat k JQ
        x$(e)_$(k) = fma(g$(k), h, x$(e)_$(k));
        ofHidden = fma(g$(k), w$(e)_$(k), ofHidden);
        #end
        let sum = (ofHidden.x + ofHidden.y) + (ofHidden.z + ofHidden.w);
        ofFirst$(e) = fma(sum, s, ofFirst$(e));
        let at = own + b * rowStride + $(e)u * COLUMNS;
        sums[at] = fma(sum, s, sums[at]);
      }
      #end
      b = select(b + 1u, 0u, b == P - 1u);
    }
    #repeat e EACH
    sums[own + a * rowStride + $(e)u * COLUMNS] += ofFirst$(e);
    #end
  }

  let quad = thread / lanes;
  let lane = thread % lanes;
  let update = updateOf(group.y, member, pass_);
  #repeat e EACH
  #repeat i ROWS
  let at$(e)_$(i) = weightAt(min(lane + $(i)u * lanes, P - 1u), min(firstQuad + quad + $(e)u * (quads / EACH), MQ - 1u));
  let theta$(e)_$(i) = thetaAt(member.slot * SLOT + at$(e)_$(i));
  let xi$(e)_$(i) = trainedAt(member.slot * SLOT + layerQuads + at$(e)_$(i));
  #end
  #end
  workgroupBarrier();
  addSegments(segment, column);
  workgroupBarrier();
  #repeat e EACH
  #repeat i ROWS
  let ofTheta$(e)_$(i) = sumOf(min(lane + $(i)u * lanes, P - 1u), quad + $(e)u * (quads / EACH));
  #end
  #end
  workgroupBarrier();
  #repeat e EACH
  #repeat j P
  sums[own + $(j)u * rowStride + $(e)u * COLUMNS] = x$(e)_$(j/4)[$(j)u % 4u];
  #end
  #end
  workgroupBarrier();
  addSegments(segment, column);
  workgroupBarrier();
  #repeat e EACH
  {
    let inGroup = quad + $(e)u * (quads / EACH);
    let q = firstQuad + inGroup;
    var norm = vec4f(0.0);
    if (q < MQ) {
      #repeat i ROWS
      if (lane + $(i)u * lanes < P) {
        let at = at$(e)_$(i);
        norm += updateTheta(update, member.slot, at, theta$(e)_$(i), withoutPadding(ofTheta$(e)_$(i), q));
        let ofXi = sumOf(lane + $(i)u * lanes, inGroup);
        norm += updateWeights(update, member.slot * SLOT + layerQuads + at, xi$(e)_$(i), withoutPadding(ofXi, q));
      }
      #end
    }
    norms[inGroup * lanes + lane] = norm;
  }
  #end
  workgroupBarrier();
  if (thread < quads && firstQuad + thread < MQ) {
    var s = vec4f(0.0);
    // The others have no row.
    for (var i = 0u; i < min(lanes, P); i++) { s += norms[thread * lanes + i]; }
    partials[partialsAt(group.y, pass_) + 2u * FORWARD_PARTIALS + firstQuad + thread] = s;
  }
}
