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
  #repeat once REST
  var rest$(r) = vec4f(0.0);
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
    for (var k = 0u; k < DEPTH; k++) {
      #repeat r ROW_QUADS
      let h$(r) = hidden[hiddenAt + k * rowStride + row + $(r)u * ROWS];
      #end
      #repeat q COLUMN_QUADS
      let g$(q) = output[outputTile + k * columnStride + column + $(q)u * 8u];
      #end
      #repeat t TAIL
      let v$(t) = output[outputTile + k * columnStride + tail$(t) / 4u][tail$(t) % 4u];
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
    #repeat once REST
    #repeat i DEPTH/8
    {
      let k = column + $(i)u * 8u;
      let v = output[outputTile + k * columnStride + columns4].x;
      #repeat r ROW_QUADS
      rest$(r) = fma(hidden[hiddenAt + k * rowStride + row + $(r)u * ROWS], vec4f(v), rest$(r));
      #end
    }
    #end
    #end
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
  workgroupBarrier();
  #repeat r ROW_QUADS
  hidden[column * rowStride + row + $(r)u * ROWS] = rest$(r);
  #end
  workgroupBarrier();
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
