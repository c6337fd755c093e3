// The gradients of theta's factors, dW_E = W_in^T dtheta and dW_in = dtheta W_E^T, and their update. Each needs the other's weights, so the
// new ones wait in scratch for product.wgsl.
//
// Neighbours have neighbouring quads of neurons, which are P quads of memory apart in the gradient: a fetch touches as many lines as there are
// neighbours, for four residues of each.
//
// The first EMBEDDING_GROUPS workgroups have ROWS rows of W_E by one quad of residues each. Their invocations share the neurons; the sums
// meet in workgroup memory and are added in a fixed order. An invocation of the others has ROWS rows of W_in by one quad of neurons.

const threads = 64u;

// [ROWS, invocation]
var<workgroup> sums: array<vec4f, ROWS * threads>;
var<workgroup> norms: array<vec4f, threads>;

@compute @workgroup_size(threads)
fn factors(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) thread: u32) {
  let member = memberAt(group.y);
  let counter = submission[0].y;
  let pass_ = sharePass(thread, counter, member);
  if (pass_ == noPass) { return; }
  let update = updateOf(group.y, member, pass_);
  let state_ = member.slot * SLOT;
  let gradient = thetaGradientAt(member.slot);
  if (group.x < EMBEDDING_GROUPS) {
    let row = group.x / PQ * ROWS;
    let column = group.x % PQ;
    sumOverNeurons(thread, state_ + projectionAt, gradient, row, column);
    norms[thread] = vec4f(0.0);
    if (thread < ROWS && row + thread < D) {
      // Residues beyond P are none.
      let g = select(vec4f(0.0), sums[thread * threads], vec4u(4u * column) + vec4u(0u, 1u, 2u, 3u) < vec4u(P));
      norms[thread] = updateFactor(update, member.slot, embeddingAt + (row + thread) * PQ + column, g);
    }
  } else {
    let item = (group.x - EMBEDDING_GROUPS) * threads + thread;
    norms[thread] = updateProjection(update, member.slot, gradient, item / MQ * ROWS, item % MQ);
  }
  for (var width = threads / 2u; width > 0u; width /= 2u) {
    workgroupBarrier();
    if (thread < width) { norms[thread] += norms[thread + width]; }
  }
  if (thread == 0u) { submission[partialsAt(group.y, pass_) + 2u * FORWARD_PARTIALS + FACTOR_PARTIALS + group.x] = norms[0]; }
}

// Leaves the sums of row `row + r` in sums[r * threads].
fn sumOverNeurons(thread: u32, projection: u32, gradient: u32, row: u32, column: u32) {
  #repeat r ROWS
  let w$(r) = projection + min(row + $(r)u, D - 1u) * MQ;
  var s$(r) = vec4f(0.0);
  #end
  for (var q = thread; q < MQ; q += threads) {
    #repeat c 4
    let d$(c) = scratch[gradient + weightAt(min(4u * column + $(c)u, P - 1u), q)];
    #end
    #repeat r ROWS
    {
      let w = state[w$(r) + q];
      #repeat i 4
      s$(r) = fma(vec4f(w[$(i)]), vec4f(d0[$(i)], d1[$(i)], d2[$(i)], d3[$(i)]), s$(r));
      #end
    }
    #end
  }
  #repeat r ROWS
  sums[$(r)u * threads + thread] = s$(r);
  #end
  for (var width = threads / 2u; width > 0u; width /= 2u) {
    workgroupBarrier();
    if (thread < width) {
      #repeat r ROWS
      sums[$(r)u * threads + thread] += sums[$(r)u * threads + thread + width];
      #end
    }
  }
  workgroupBarrier();
}

fn updateProjection(update: Update, slot: u32, gradient: u32, row: u32, quad: u32) -> vec4f {
  let embedding = slot * SLOT + embeddingAt;
  #repeat r ROWS
  let e$(r) = embedding + min(row + $(r)u, D - 1u) * PQ;
  var s$(r) = vec4f(0.0);
  #end
  for (var k = 0u; k < PQ; k++) {
    // Beyond P the weights are zero.
    #repeat c 4
    let d$(c) = scratch[gradient + weightAt(min(4u * k + $(c)u, P - 1u), quad)];
    #end
    #repeat r ROWS
    {
      let w = state[e$(r) + k];
      #repeat c 4
      s$(r) = fma(vec4f(w[$(c)]), d$(c), s$(r));
      #end
    }
    #end
  }
  var norm = vec4f(0.0);
  #repeat r ROWS
  if (row + $(r)u < D) { norm += updateFactor(update, slot, projectionAt + (row + $(r)u) * MQ + quad, s$(r)); }
  #end
  return norm;
}

// `at`: of the weights, among those of a slot.
fn updateFactor(update: Update, slot: u32, at: u32, g: vec4f) -> vec4f {
  let i = slot * SLOT + at;
  let before = trainedAt(i);
  if (update.isDue) { scratch[slot * SCRATCH + at - projectionAt] = updated(update, i, before, g); }
  return squaresOf(g, before.w);
}
