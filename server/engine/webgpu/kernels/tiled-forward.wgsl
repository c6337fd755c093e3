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
  if (group.x == 0u && group.y == 0u && group.z == 0u && thread == 0u) { endForward(pass_); }
  let member = memberAt(group.y);
  if (pass_ >= member.passes) { return; }
  let theta = member.slot * SLOT;
  let xi = theta + layerQuads;
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
  #repeat i HIDDEN_ITEMS
  var nextHidden$(i): vec4f;
  #end
  #repeat i OUTPUT_ITEMS
  var nextOutput$(i): vec4f;
  #end
  let start = steps * group.z / FORWARD_SPLITS * depth4;
  #repeat i HIDDEN_ITEMS
  nextHidden$(i) = hiddenAt(theta, firstPair, start, thread + $(i)u * threads);
  #end
  #repeat i OUTPUT_ITEMS
  nextOutput$(i) = outputAt(xi, firstLogit, start, thread + $(i)u * threads);
  #end
  for (var q = start; q < end; q += depth4) {
    workgroupBarrier();
    #repeat i HIDDEN_ITEMS
    putHidden(thread + $(i)u * threads, nextHidden$(i));
    #end
    #repeat i OUTPUT_ITEMS
    putOutput(thread + $(i)u * threads, nextOutput$(i));
    #end
    workgroupBarrier();
    // The next tile is on its way into registers while this one is used.
    #repeat i HIDDEN_ITEMS
  nextHidden$(i) = hiddenAt(theta, firstPair, q + depth4, thread + $(i)u * threads);
  #end
  #repeat i OUTPUT_ITEMS
  nextOutput$(i) = outputAt(xi, firstLogit, q + depth4, thread + $(i)u * threads);
  #end
    for (var k = 0u; k < DEPTH; k++) {
      #repeat r ROW_QUADS
      let h$(r) = hidden[k * rowStride + row + $(r)u * ROWS];
      #end
      #repeat q COLUMN_QUADS
      let w$(q) = output[k * columnStride + column + $(q)u * COLUMNS];
      #end
      #repeat r ROW_QUADS
      #repeat q COLUMN_QUADS
      #repeat c 4
      s$(r)_$(q)_$(c) = fma(h$(r), vec4f(w$(q)[$(c)]), s$(r)_$(q)_$(c));
      #end
      #end
      #end
    }
  }
  #repeat r ROW_QUADS
  #repeat q COLUMN_QUADS
  #repeat c 4
  store(member.slot, group.z, firstPair / 4u + row + $(r)u * ROWS,
        firstLogit + 4u * (column + $(q)u * COLUMNS) + $(c)u, s$(r)_$(q)_$(c));
  #end
  #end
  #end
}

fn store(slot: u32, split: u32, pair4: u32, logit: u32, sum: vec4f) {
  if (pair4 < US / 4u && logit < P) { scratch[slot * SCRATCH + (split * P + logit) * (US / 4u) + pair4] = sum; }
}

// Item i of a tile is a quad of neurons of one pair or logit: quad i mod depth4, pair or logit i / depth4.
fn hiddenAt(theta: u32, firstPair: u32, q: u32, i: u32) -> vec4f {
  let quad = q + i % depth4;
  let u = min(firstPair + i / depth4, U - 1u);
  let inside = min(quad, MQ - 1u);
  let z = state[theta + firstResidue(u) * MQ + inside] + state[theta + secondResidue(u) * MQ + inside];
  return select(vec4f(0.0), activation(z), quad < MQ);
}

fn outputAt(xi: u32, firstLogit: u32, q: u32, i: u32) -> vec4f {
  let quad = q + i % depth4;
  return select(vec4f(0.0), state[xi + min(firstLogit + i / depth4, P - 1u) * MQ + min(quad, MQ - 1u)], quad < MQ);
}

// Into the tiles, which have the neurons one by one.
fn putHidden(i: u32, v: vec4f) {
  let r = i / depth4;
  if (r >= 4u * rows4) { return; }
  let to = 4u * (i % depth4) * rowStride + r / 4u;
  hidden[to][r % 4u] = v.x;
  hidden[to + rowStride][r % 4u] = v.y;
  hidden[to + 2u * rowStride][r % 4u] = v.z;
  hidden[to + 3u * rowStride][r % 4u] = v.w;
}

fn putOutput(i: u32, v: vec4f) {
  let r = i / depth4;
  if (r >= 4u * columns4) { return; }
  let to = 4u * (i % depth4) * columnStride + r / 4u;
  output[to][r % 4u] = v.x;
  output[to + columnStride][r % 4u] = v.y;
  output[to + 2u * columnStride][r % 4u] = v.z;
  output[to + 3u * columnStride][r % 4u] = v.w;
}
