// The gradient of xi as a matrix product, [neurons, pairs] by [pairs, logits]: as tiled-forward.wgsl, with the roles of neurons and pairs
// exchanged. A workgroup goes through one in XI_SPLITS of the pairs; rows of the tile are neurons. Out: scratch[slot, split, a layer].

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
  #include tiled-product/sums.wgsl
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
  let outputPair$(i) = (thread + $(i)u * threads) / columnStride;
  let outputFrom$(i) = gradient + (thread + $(i)u * threads) % columnStride;
  var nextOutput$(i) = gradientAt(outputFrom$(i), start + outputPair$(i), end);
  #end
  var buffer = 0u;
  for (var next = start + DEPTH; next < end + DEPTH; next += DEPTH) {
    let hiddenAt = buffer * DEPTH * rowStride;
    let outputTile = buffer * DEPTH * columnStride;
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
    #include tiled-product/multiply.wgsl
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
  #repeat once REST
  #include tiled-product/share.wgsl
  if (columnTile == COLUMN_TILES - 1u) {
    for (var n = thread; n < rows4; n += threads) {
      store(to, firstQuad + n, P - 1u, sumOfRest(n));
    }
  }
  #end
}

fn store(to: u32, quad: u32, logit: u32, sum: vec4f) {
  if (quad < MQ && logit < P) { scratch[to + weightAt(logit, quad)] = sum; }
}

// Pairs beyond the last one count for nothing.
fn gradientAt(from_: u32, u: u32, end: u32) -> vec4f {
  return select(vec4f(0.0), logitGradient[from_ + min(u, U - 1u) * LOGIT_QUADS], u < end);
}
