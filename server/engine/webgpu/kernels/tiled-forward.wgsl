// Logits as a matrix product, [pairs, neurons] by [neurons, logits], for networks that a workgroup can't hold. The left matrix is the
// activations; they are made a tile at a time and never stored.
//
// A workgroup is ROWS x COLUMNS invocations. Each has 4 ROW_QUADS pairs and 4 COLUMN_QUADS logits in its registers, and all go through their
// share of the neurons, one in FORWARD_SPLITS, DEPTH at a time. Out: scratch[member's slot, split, logit, pair / 4], for softmax.wgsl to add up.

const threads = ROWS * COLUMNS;
const rows4 = ROW_QUADS * ROWS;
const columns4 = COLUMN_QUADS * COLUMNS;
const depth4 = DEPTH / 4u;
// One quad more: invocations that write different neurons of one pair or logit must not all meet in one bank.
const rowStride = rows4 + 1u;
const columnStride = columns4 + 1u;

// [neuron of the tile, pair or logit / 4]
var<workgroup> hidden: array<vec4f, DEPTH * rowStride>;
var<workgroup> output: array<vec4f, DEPTH * columnStride>;

@compute @workgroup_size(threads)
fn forward(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) thread: u32) {
  let pass_ = forwardPass(thread);
  if (group.x == 0u && group.y == 0u && group.z == 0u && thread == 0u) { passCounter[1] = pass_; }
  let member = members[group.y];
  if (pass_ >= member.passes) { return; }
  let theta = member.slot * weightsStride;
  let xi = theta + P * MQ;
  let firstPair = group.x / COLUMN_TILES * (4u * rows4);
  let firstLogit = group.x % COLUMN_TILES * (4u * columns4);
  let row = thread / COLUMNS;
  let column = thread % COLUMNS;
  let steps = (MQ + depth4 - 1u) / depth4;
  let end = min(MQ, steps * (group.z + 1u) / FORWARD_SPLITS * depth4);

  #repeat r ROW_QUADS
  #repeat q COLUMN_QUADS
  #repeat c 4
  var s$(r)_$(q)_$(c) = vec4f(0.0);
  #end
  #end
  #end
  for (var q = steps * group.z / FORWARD_SPLITS * depth4; q < end; q += depth4) {
    for (var i = thread; i < depth4 * 4u * rows4; i += threads) {
      let quad = i % depth4;
      let r = i / depth4;
      let u = min(firstPair + r, U - 1u);
      var h = vec4f(0.0);
      if (q + quad < MQ) {
        h = activation(weights[theta + firstResidue(u) * MQ + q + quad] + weights[theta + secondResidue(u) * MQ + q + quad]);
      }
      let to = 4u * quad * rowStride + r / 4u;
      let c = r % 4u;
      hidden[to][c] = h.x;
      hidden[to + rowStride][c] = h.y;
      hidden[to + 2u * rowStride][c] = h.z;
      hidden[to + 3u * rowStride][c] = h.w;
    }
    for (var i = thread; i < depth4 * 4u * columns4; i += threads) {
      let quad = i % depth4;
      let j = i / depth4;
      var w = vec4f(0.0);
      if (q + quad < MQ) { w = weights[xi + min(firstLogit + j, P - 1u) * MQ + q + quad]; }
      let to = 4u * quad * columnStride + j / 4u;
      let c = j % 4u;
      output[to][c] = w.x;
      output[to + columnStride][c] = w.y;
      output[to + 2u * columnStride][c] = w.z;
      output[to + 3u * columnStride][c] = w.w;
    }
    workgroupBarrier();
    for (var k = 0u; k < DEPTH; k++) {
      #repeat r ROW_QUADS
      let h$(r) = hidden[k * rowStride + ROW_QUADS * row + $(r)u];
      #end
      #repeat q COLUMN_QUADS
      let w$(q) = output[k * columnStride + COLUMN_QUADS * column + $(q)u];
      #end
      #repeat r ROW_QUADS
      #repeat q COLUMN_QUADS
      #repeat c 4
      s$(r)_$(q)_$(c) = fma(h$(r), vec4f(w$(q)[$(c)]), s$(r)_$(q)_$(c));
      #end
      #end
      #end
    }
    workgroupBarrier();
  }
  #repeat r ROW_QUADS
  #repeat q COLUMN_QUADS
  #repeat c 4
  store(member.slot, group.z, firstPair / 4u + ROW_QUADS * row + $(r)u,
        firstLogit + 4u * (COLUMN_QUADS * column + $(q)u) + $(c)u, s$(r)_$(q)_$(c));
  #end
  #end
  #end
}

fn store(slot: u32, split: u32, pair4: u32, logit: u32, sum: vec4f) {
  if (pair4 < US / 4u && logit < P) { scratch[slot * SCRATCH + (split * P + logit) * (US / 4u) + pair4] = sum; }
}
