// The gradient of xi as a matrix product, [neurons, pairs] by [pairs, logits]: as tiled-forward.wgsl, with the roles of neurons and pairs
// exchanged. An invocation has 4 ROW_QUADS neurons, and a workgroup goes through one in XI_SPLITS of the pairs. Out: scratch[slot, split, logit, quad].

const threads = ROWS * COLUMNS;
const rows4 = ROW_QUADS * ROWS;
const columns4 = COLUMN_QUADS * COLUMNS;
const rowStride = rows4 + 1u;
const columnStride = columns4 + 1u;

// [pair of the tile, neuron or logit / 4]
var<workgroup> hidden: array<vec4f, DEPTH * rowStride>;
var<workgroup> output: array<vec4f, DEPTH * columnStride>;

@compute @workgroup_size(threads)
fn backward(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) thread: u32) {
  let pass_ = backwardPass(thread);
  let member = memberAt(group.y);
  if (pass_ >= member.passes) { return; }
  let theta = member.slot * SLOT;
  let gradient = member.slot * P * US;
  let firstQuad = group.x / COLUMN_TILES * rows4;
  let firstLogit = group.x % COLUMN_TILES * (4u * columns4);
  let row = thread / COLUMNS;
  let column = thread % COLUMNS;
  let steps = (U + DEPTH - 1u) / DEPTH;
  let end = min(U, steps * (group.z + 1u) / XI_SPLITS * DEPTH);

  #repeat r ROW_QUADS
  #repeat q COLUMN_QUADS
  #repeat c 4
  var s$(r)_$(q)_$(c) = vec4f(0.0);
  #end
  #end
  #end
  #repeat i HIDDEN_ITEMS
  var nextHidden$(i): vec4f;
  #end
  #repeat i GRADIENT_ITEMS
  var nextGradient$(i): f32;
  #end
  let start = steps * group.z / XI_SPLITS * DEPTH;
  #repeat i HIDDEN_ITEMS
  nextHidden$(i) = hiddenAt(theta, start, end, firstQuad, thread + $(i)u * threads);
  #end
  #repeat i GRADIENT_ITEMS
  nextGradient$(i) = gradientAt(gradient, start, end, firstLogit, thread + $(i)u * threads);
  #end
  for (var u = start; u < end; u += DEPTH) {
    workgroupBarrier();
    #repeat i HIDDEN_ITEMS
    {
      let n = thread + $(i)u * threads;
      if (n < DEPTH * rows4) { hidden[n / rows4 * rowStride + n % rows4] = nextHidden$(i); }
    }
    #end
    #repeat i GRADIENT_ITEMS
    {
      let n = thread + $(i)u * threads;
      if (n < DEPTH * 4u * columns4) { output[n % DEPTH * columnStride + n / DEPTH / 4u][n / DEPTH % 4u] = nextGradient$(i); }
    }
    #end
    workgroupBarrier();
    // The next tile is on its way into registers while this one is used.
    #repeat i HIDDEN_ITEMS
  nextHidden$(i) = hiddenAt(theta, u + DEPTH, end, firstQuad, thread + $(i)u * threads);
  #end
  #repeat i GRADIENT_ITEMS
  nextGradient$(i) = gradientAt(gradient, u + DEPTH, end, firstLogit, thread + $(i)u * threads);
  #end
    for (var k = 0u; k < DEPTH; k++) {
      #repeat r ROW_QUADS
      let h$(r) = hidden[k * rowStride + row + $(r)u * ROWS];
      #end
      #repeat q COLUMN_QUADS
      let g$(q) = output[k * columnStride + column + $(q)u * COLUMNS];
      #end
      #repeat r ROW_QUADS
      #repeat q COLUMN_QUADS
      #repeat c 4
      s$(r)_$(q)_$(c) = fma(h$(r), vec4f(g$(q)[$(c)]), s$(r)_$(q)_$(c));
      #end
      #end
      #end
    }
  }
  #repeat r ROW_QUADS
  #repeat q COLUMN_QUADS
  #repeat c 4
  store(member.slot, group.z, firstQuad + row + $(r)u * ROWS, firstLogit + 4u * (column + $(q)u * COLUMNS) + $(c)u,
        s$(r)_$(q)_$(c));
  #end
  #end
  #end
}

fn store(slot: u32, split: u32, quad: u32, logit: u32, sum: vec4f) {
  if (quad < MQ && logit < P) { scratch[slot * SCRATCH + (split * P + logit) * MQ + quad] = sum; }
}

// Item i of the left tile is a quad of neurons of pair i / rows4.
fn hiddenAt(theta: u32, first: u32, end: u32, firstQuad: u32, i: u32) -> vec4f {
  let u = min(first + i / rows4, U - 1u);
  let quad = min(firstQuad + i % rows4, MQ - 1u);
  let h = activation(state[theta + firstResidue(u) * MQ + quad] + state[theta + secondResidue(u) * MQ + quad]);
  return select(vec4f(0.0), h, first + i / rows4 < end);
}

// Item i of the right one is of pair i mod DEPTH and logit i / DEPTH.
fn gradientAt(gradient: u32, first: u32, end: u32, firstLogit: u32, i: u32) -> f32 {
  let u = first + i % DEPTH;
  let g = logitGradient[gradient + min(firstLogit + i / DEPTH, P - 1u) * US + min(u, U - 1u)];
  return select(0.0, g, u < end);
}
