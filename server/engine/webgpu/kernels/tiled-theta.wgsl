// The gradient of theta. That of the activations is a matrix product, [pairs, logits] by [logits, neurons]; times the activation's slope,
// each element adds to the two residues of its pair.
//
// A workgroup goes through one in THETA_SPLITS of the differences d, with all P pairs of one d at a time; an invocation has 4 PAIR_QUADS
// pairs and 4 NEURON_QUADS neurons, THETA_COLUMNS of them side by side. Among the pairs of one d each residue comes once as the first and once as the second, so the sums
// over residues are kept in workgroup memory and every invocation adds its own elements: all firsts, a barrier, all seconds.
// Out: scratch[slot, after the partial sums of xi: split, residue, quad].

const rows = (P + 4u * PAIR_QUADS - 1u) / (4u * PAIR_QUADS);
const threads = rows * THETA_COLUMNS;
const rows4 = PAIR_QUADS * rows;
const columns4 = NEURON_QUADS * THETA_COLUMNS;
const rowStride = rows4 + 1u;

// [logit of the tile, pair or neuron / 4]
var<workgroup> gradient: array<vec4f, THETA_DEPTH * rowStride>;
var<workgroup> output: array<vec4f, THETA_DEPTH * columns4>;
// [residue, neuron / 4]
var<workgroup> sums: array<vec4f, P * columns4>;

@compute @workgroup_size(threads)
fn backward(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) thread: u32) {
  let pass_ = backwardPass(thread);
  let member = members[group.y];
  if (pass_ >= member.passes) { return; }
  let theta = member.slot * weightsStride;
  let xi = theta + P * MQ;
  let firstQuad = group.x * columns4;
  let row = thread / THETA_COLUMNS;
  let column = NEURON_QUADS * (thread % THETA_COLUMNS);
  for (var i = thread; i < P * columns4; i += threads) { sums[i] = vec4f(0.0); }
  let differences = (P + 1u) / 2u;
  let end = differences * (group.z + 1u) / THETA_SPLITS;
  for (var d = differences * group.z / THETA_SPLITS; d < end; d++) {
    #repeat r PAIR_QUADS
    #repeat c 4
    #repeat q NEURON_QUADS
    var s$(r)_$(c)_$(q) = vec4f(0.0);
    #end
    #end
    #end
    for (var j = 0u; j < P; j += THETA_DEPTH) {
      let depth = min(THETA_DEPTH, P - j);
      workgroupBarrier();
      for (var i = thread; i < depth * 4u * rows4; i += threads) {
        let r = i % (4u * rows4);
        let k = i / (4u * rows4);
        var g = 0.0;
        if (r < P) { g = logitGradient[(member.slot * P + j + k) * US + d * P + r]; }
        gradient[k * rowStride + r / 4u][r % 4u] = g;
      }
      for (var i = thread; i < depth * columns4; i += threads) {
        let quad = firstQuad + i % columns4;
        var w = vec4f(0.0);
        if (quad < MQ) { w = weights[xi + (j + i / columns4) * MQ + quad]; }
        output[i] = w;
      }
      workgroupBarrier();
      for (var k = 0u; k < depth; k++) {
        #repeat q NEURON_QUADS
        let w$(q) = output[k * columns4 + column + $(q)u];
        #end
        #repeat r PAIR_QUADS
        let g$(r) = gradient[k * rowStride + PAIR_QUADS * row + $(r)u];
        #repeat c 4
        #repeat q NEURON_QUADS
        s$(r)_$(c)_$(q) = fma(vec4f(g$(r)[$(c)]), w$(q), s$(r)_$(c)_$(q));
        #end
        #end
        #end
      }
    }
    #repeat r PAIR_QUADS
    #repeat c 4
    {
      let x = 4u * (PAIR_QUADS * row + $(r)u) + $(c)u;
      if (x < P) {
        #repeat q NEURON_QUADS
        s$(r)_$(c)_$(q) *= slopeAt(theta, x, d, firstQuad + column + $(q)u);
        sums[x * columns4 + column + $(q)u] += s$(r)_$(c)_$(q);
        #end
      }
    }
    #end
    #end
    workgroupBarrier();
    #repeat r PAIR_QUADS
    #repeat c 4
    {
      let x = 4u * (PAIR_QUADS * row + $(r)u) + $(c)u;
      if (x < P) {
        #repeat q NEURON_QUADS
        sums[(x + d) % P * columns4 + column + $(q)u] += s$(r)_$(c)_$(q);
        #end
      }
    }
    #end
    #end
  }
  workgroupBarrier();
  let to = member.slot * SCRATCH + (XI_SPLITS + group.z) * P * MQ;
  for (var i = thread; i < P * columns4; i += threads) {
    let quad = firstQuad + i % columns4;
    if (quad < MQ) { scratch[to + i / columns4 * MQ + quad] = sums[i]; }
  }
}

fn slopeAt(theta: u32, x: u32, d: u32, quad: u32) -> vec4f {
  let q = min(quad, MQ - 1u);
  return slope(weights[theta + x * MQ + q] + weights[theta + (x + d) % P * MQ + q]);
}
