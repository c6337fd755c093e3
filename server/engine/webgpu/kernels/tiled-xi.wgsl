// The gradient of xi as a matrix product, [neurons, pairs] by [pairs, logits]: as tiled-forward.wgsl, with the roles of neurons and pairs
// exchanged. An invocation has 4 ROW_QUADS neurons, and a workgroup goes through one in XI_SPLITS of the pairs. Out: scratch[slot, split, a layer].

const threads = 8u * ROWS;
const rows4 = ROW_QUADS * ROWS;
const columns4 = 2u * TJ;
// One more: invocations that write one quad of different pairs must not all meet in one bank.
const rowStride = rows4 + 1u;

// [pair of the tile, neuron or logit / 4]
// Of BUFFERS tiles: with two a tile is stored while others still use the one before.
var<workgroup> hidden: array<vec4f, BUFFERS * DEPTH * rowStride>;
var<workgroup> output: array<vec4f, BUFFERS * DEPTH * columns4>;

@compute @workgroup_size(threads)
fn backward(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) thread: u32) {
  let member = memberAt(group.y);
  let counter = submission[0].y;
  let pass_ = sharePass(thread, counter, member);
  if (pass_ == noPass) { return; }
  let theta = member.slot * SLOT;
  let firstQuad = group.x / COLUMN_TILES * rows4;
  let columnTile = group.x % COLUMN_TILES;
  let gradient = member.slot * U * LOGIT_QUADS + columnTile * columns4;
  let row = rowAmong(ROWS, thread);
  let column = columnAmong(ROWS, thread);
  let steps = (U + DEPTH - 1u) / DEPTH;
  let start = steps * group.z / XI_SPLITS * DEPTH;
  let end = min(U, steps * (group.z + 1u) / XI_SPLITS * DEPTH);
  #repeat t TAIL
  let tail$(t) = 32u * COLUMN_QUADS + column * TAIL + $(t)u;
  #end

  #repeat r ROW_QUADS
  #repeat q COLUMN_QUADS
  #repeat c 4
  var s$(r)_$(q)_$(c) = vec4f(0.0);
  #end
  #end
  #repeat t TAIL
  var t$(r)_$(t) = vec4f(0.0);
  #end
  #end
  // An invocation fetches every DEPTH-th pair, of the same quads of neurons for every tile, and neighbours neighbouring pairs.
  let fetched = thread % DEPTH;
  var u = min(start + fetched, U - 1u);
  #repeat i HIDDEN_ITEMS
  let hiddenQuad$(i) = (thread + $(i)u * threads) / DEPTH;
  let hiddenFrom$(i) = theta + min(firstQuad + hiddenQuad$(i), MQ - 1u) * P;
  var nextFirst$(i) = state[hiddenFrom$(i) + firstResidue(u)];
  var nextSecond$(i) = state[hiddenFrom$(i) + secondResidue(u)];
  #end
  #repeat i OUTPUT_ITEMS
  let outputPair$(i) = (thread + $(i)u * threads) / columns4;
  let outputFrom$(i) = gradient + (thread + $(i)u * threads) % columns4;
  var nextOutput$(i) = gradientAt(outputFrom$(i), start + outputPair$(i), end);
  #end
  var buffer = 0u;
  for (var next = start + DEPTH; next < end + DEPTH; next += DEPTH) {
    let hiddenAt = buffer * DEPTH * rowStride;
    let outputTile = buffer * DEPTH * columns4;
    buffer = (buffer + 1u) % BUFFERS;
    if (BUFFERS == 1u) { workgroupBarrier(); }
    #repeat i HIDDEN_ITEMS
    hidden[hiddenAt + fetched * rowStride + hiddenQuad$(i)] = activation(nextFirst$(i) + nextSecond$(i));
    #end
    #repeat i OUTPUT_ITEMS
    if (outputPair$(i) < DEPTH) { output[outputTile + thread + $(i)u * threads] = nextOutput$(i); }
    #end
    workgroupBarrier();
    // The next tile is on its way into registers while this one is used.
    u = min(next + fetched, U - 1u);
    #repeat i HIDDEN_ITEMS
    nextFirst$(i) = state[hiddenFrom$(i) + firstResidue(u)];
    nextSecond$(i) = state[hiddenFrom$(i) + secondResidue(u)];
    #end
    #repeat i OUTPUT_ITEMS
    nextOutput$(i) = gradientAt(outputFrom$(i), next + outputPair$(i), end);
    #end
    for (var k = 0u; k < DEPTH; k++) {
      #repeat r ROW_QUADS
      let h$(r) = hidden[hiddenAt + k * rowStride + row + $(r)u * ROWS];
      #end
      #repeat q COLUMN_QUADS
      let g$(q) = output[outputTile + k * columns4 + column + $(q)u * 8u];
      #end
      #repeat t TAIL
      let v$(t) = output[outputTile + k * columns4 + tail$(t) / 4u][tail$(t) % 4u];
      #end
      #repeat r ROW_QUADS
      #repeat q COLUMN_QUADS
      #repeat c 4
      s$(r)_$(q)_$(c) = fma(h$(r), vec4f(g$(q)[$(c)]), s$(r)_$(q)_$(c));
      #end
      #end
      #repeat t TAIL
      t$(r)_$(t) = fma(h$(r), vec4f(v$(t)), t$(r)_$(t));
      #end
      #end
    }
  }
  let to = member.slot * SCRATCH + group.z * layerQuads;
  let firstLogit = columnTile * 4u * columns4;
  #repeat r ROW_QUADS
  #repeat q COLUMN_QUADS
  #repeat c 4
  store(to, firstQuad + row + $(r)u * ROWS, firstLogit + 4u * (column + $(q)u * 8u) + $(c)u, s$(r)_$(q)_$(c));
  #end
  #end
  #repeat t TAIL
  store(to, firstQuad + row + $(r)u * ROWS, firstLogit + tail$(t), t$(r)_$(t));
  #end
  #end
}

fn store(to: u32, quad: u32, logit: u32, sum: vec4f) {
  if (quad < MQ && logit < P) { scratch[to + weightAt(logit, quad)] = sum; }
}

// Pairs beyond the last one count for nothing.
fn gradientAt(from_: u32, u: u32, end: u32) -> vec4f {
  return select(vec4f(0.0), logitGradient[from_ + min(u, U - 1u) * LOGIT_QUADS], u < end);
}
