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
  let member = members[group.y];
  if (pass_ >= member.passes) { return; }
  let theta = member.slot * weightsStride;
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
  for (var u = steps * group.z / XI_SPLITS * DEPTH; u < end; u += DEPTH) {
    for (var i = thread; i < DEPTH * rows4; i += threads) {
      let k = i / rows4;
      let quad = firstQuad + i % rows4;
      var h = vec4f(0.0);
      if (u + k < end && quad < MQ) {
        h = activation(weights[theta + firstResidue(u + k) * MQ + quad] + weights[theta + secondResidue(u + k) * MQ + quad]);
      }
      hidden[k * rowStride + i % rows4] = h;
    }
    for (var i = thread; i < DEPTH * 4u * columns4; i += threads) {
      let k = i % DEPTH;
      let j = i / DEPTH;
      var g = 0.0;
      if (u + k < end) { g = logitGradient[gradient + min(firstLogit + j, P - 1u) * US + u + k]; }
      output[k * columnStride + j / 4u][j % 4u] = g;
    }
    workgroupBarrier();
    for (var k = 0u; k < DEPTH; k++) {
      #repeat r ROW_QUADS
      let h$(r) = hidden[k * rowStride + ROW_QUADS * row + $(r)u];
      #end
      #repeat q COLUMN_QUADS
      let g$(q) = output[k * columnStride + COLUMN_QUADS * column + $(q)u];
      #end
      #repeat r ROW_QUADS
      #repeat q COLUMN_QUADS
      #repeat c 4
      s$(r)_$(q)_$(c) = fma(h$(r), vec4f(g$(q)[$(c)]), s$(r)_$(q)_$(c));
      #end
      #end
      #end
    }
    workgroupBarrier();
  }
  #repeat r ROW_QUADS
  #repeat q COLUMN_QUADS
  #repeat c 4
  store(member.slot, group.z, firstQuad + ROW_QUADS * row + $(r)u, firstLogit + 4u * (COLUMN_QUADS * column + $(q)u) + $(c)u,
        s$(r)_$(q)_$(c));
  #end
  #end
  #end
}

fn store(slot: u32, split: u32, quad: u32, logit: u32, sum: vec4f) {
  if (quad < MQ && logit < P) { scratch[slot * SCRATCH + (split * P + logit) * MQ + quad] = sum; }
}
