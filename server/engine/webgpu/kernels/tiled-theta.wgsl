// The gradient of theta. That of the activations is a matrix product, [pairs, logits] by [logits, neurons]; times the activation's slope,
// each element adds to the two residues of its pair.
//
// A workgroup goes through one in THETA_SPLITS of the differences d, with all P pairs of one d at a time; an invocation has 4 PAIR_QUADS
// pairs and 4 NEURON_QUADS neurons, THETA_COLUMNS of them side by side. Among the pairs of one d each residue comes once as the first and
// once as the second, so every invocation adds its own elements to the workgroup's sums over residues: all firsts, a barrier, all seconds.
// The sums are in scratch[slot, after the partial sums of xi: split, residue, quad]; workgroup memory has no room for them.

const rows = (P + 4u * PAIR_QUADS - 1u) / (4u * PAIR_QUADS);
const threads = rows * THETA_COLUMNS;
const rows4 = PAIR_QUADS * rows;
const columns4 = NEURON_QUADS * THETA_COLUMNS;
const rowStride = rows4 + 1u;

// [logit of the tile, pair or neuron / 4]
var<workgroup> gradient: array<vec4f, THETA_DEPTH * rowStride>;
var<workgroup> output: array<vec4f, THETA_DEPTH * columns4>;

@compute @workgroup_size(threads)
fn backward(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) thread: u32) {
  let pass_ = backwardPass(thread);
  let member = memberAt(group.y);
  if (pass_ >= member.passes) { return; }
  let theta = member.slot * SLOT;
  let xi = theta + layerQuads;
  let firstQuad = group.x * columns4;
  let row = thread / THETA_COLUMNS;
  let column = thread % THETA_COLUMNS;
  let sums = member.slot * SCRATCH + (XI_SPLITS + group.z) * layerQuads + firstQuad;
  let differences = (P + 1u) / 2u;
  let start = differences * group.z / THETA_SPLITS;
  let end = differences * (group.z + 1u) / THETA_SPLITS;
  #repeat i THETA_GRADIENT_ITEMS
  var nextGradient$(i) = gradientAt(member.slot, start, 0u, thread + $(i)u * threads);
  #end
  #repeat i THETA_OUTPUT_ITEMS
  var nextOutput$(i) = outputAt(xi, firstQuad, 0u, thread + $(i)u * threads);
  #end
  for (var d = start; d < end; d++) {
    #repeat r PAIR_QUADS
    #repeat c 4
    #repeat q NEURON_QUADS
    var s$(r)_$(c)_$(q) = vec4f(0.0);
    #end
    #end
    #end
    // The next tile is fetched into registers while this one is used; the first of all was before the loop.
    for (var j = 0u; j < P; j += THETA_DEPTH) {
      workgroupBarrier();
      #repeat i THETA_GRADIENT_ITEMS
      {
        let n = thread + $(i)u * threads;
        if (n < THETA_DEPTH * 4u * rows4) {
          let r = n % (4u * rows4);
          gradient[n / (4u * rows4) * rowStride + r / 4u][r % 4u] = nextGradient$(i);
        }
      }
      #end
      #repeat i THETA_OUTPUT_ITEMS
      {
        let n = thread + $(i)u * threads;
        if (n < THETA_DEPTH * columns4) { output[n] = nextOutput$(i); }
      }
      #end
      workgroupBarrier();
      let isLast = j + THETA_DEPTH >= P;
      let nextD = select(d, min(d + 1u, P / 2u), isLast);
      let nextJ = select(j + THETA_DEPTH, 0u, isLast);
      #repeat i THETA_GRADIENT_ITEMS
      nextGradient$(i) = gradientAt(member.slot, nextD, nextJ, thread + $(i)u * threads);
      #end
      #repeat i THETA_OUTPUT_ITEMS
      nextOutput$(i) = outputAt(xi, firstQuad, nextJ, thread + $(i)u * threads);
      #end
      for (var k = 0u; k < THETA_DEPTH; k++) {
        #repeat q NEURON_QUADS
        let w$(q) = output[k * columns4 + column + $(q)u * THETA_COLUMNS];
        #end
        #repeat r PAIR_QUADS
        let g$(r) = gradient[k * rowStride + row + $(r)u * rows];
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
      let x = 4u * (row + $(r)u * rows) + $(c)u;
      #repeat q NEURON_QUADS
      {
        let quad = column + $(q)u * THETA_COLUMNS;
        if (x < P && firstQuad + quad < MQ) {
          s$(r)_$(c)_$(q) *= slopeAt(theta, x, d, firstQuad + quad);
          let at = sums + x * MQ + quad;
          if (d == start) { scratch[at] = s$(r)_$(c)_$(q); } else { scratch[at] += s$(r)_$(c)_$(q); }
        }
      }
      #end
    }
    #end
    #end
    storageBarrier();
    #repeat r PAIR_QUADS
    #repeat c 4
    {
      let x = 4u * (row + $(r)u * rows) + $(c)u;
      #repeat q NEURON_QUADS
      {
        let quad = column + $(q)u * THETA_COLUMNS;
        if (x < P && firstQuad + quad < MQ) { scratch[sums + (x + d) % P * MQ + quad] += s$(r)_$(c)_$(q); }
      }
      #end
    }
    #end
    #end
    storageBarrier();
  }
}

// Item i of the left tile is of pair i mod (4 rows4) and logit i / (4 rows4).
fn gradientAt(slot: u32, d: u32, first: u32, i: u32) -> f32 {
  let r = min(i % (4u * rows4), P - 1u);
  let j = first + i / (4u * rows4);
  return select(0.0, logitGradient[(slot * P + min(j, P - 1u)) * US + d * P + r], j < P);
}

// Item i of the right one is a quad of neurons of logit i / columns4.
fn outputAt(xi: u32, firstQuad: u32, first: u32, i: u32) -> vec4f {
  return state[xi + min(first + i / columns4, P - 1u) * MQ + min(firstQuad + i % columns4, MQ - 1u)];
}

fn slopeAt(theta: u32, x: u32, d: u32, quad: u32) -> vec4f {
  return slope(state[theta + x * MQ + quad] + state[theta + (x + d) % P * MQ + quad]);
}
