// Logits as a matrix product, [pairs, neurons] by [neurons, logits]. The left matrix is the activations; they are made a tile at a time and
// never stored.
//
// A workgroup goes through its share of the neurons, one in FORWARD_SPLITS; rows of the tile are pairs. Out: scratch[slot, split, pair,
// LOGIT_QUADS], for softmax.wgsl to add up.

const depth4 = DEPTH / 4u;
const tilePairs = 4u * rows4;
// Those that a workgroup fetches: its own and one more, which counts in the last part alone, where it is the one that is left over.
const tileLogits = 4u * columns4 + REST;

@compute @workgroup_size(threads)
fn forward(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) thread: u32) {
  let member = memberAt(group.y);
  let counter = submission[0].x;
  let pass_ = sharePass(thread, counter, member);
  if (group.x == 0u && group.y == 0u && group.z == 0u && thread == 0u) { endForward(counter); }
  if (pass_ == noPass) { return; }
  let theta = member.slot * SLOT;
  let xi = theta + layerQuads;
  let firstPair = group.x / COLUMN_TILES * tilePairs;
  let columnTile = group.x % COLUMN_TILES;
  let row = rowAmong(ROWS, thread);
  let column = columnAmong(ROWS, thread);
  let steps = (MQ + depth4 - 1u) / depth4;
  let start = steps * group.z / FORWARD_SPLITS * depth4;
  let end = min(MQ, steps * (group.z + 1u) / FORWARD_SPLITS * depth4);
  #include tiled-product/sums.wgsl
  // An invocation fetches the same pairs and logits for every tile: quads of neurons of one are MQ quads of memory apart, neighbours beside it.
  #repeat i HIDDEN_ITEMS
  let pair$(i) = min(firstPair + (thread + $(i)u * threads) % tilePairs, U - 1u);
  let first$(i) = theta + firstResidue(pair$(i));
  let second$(i) = theta + secondResidue(pair$(i));
  let hiddenQuad$(i) = (thread + $(i)u * threads) / tilePairs;
  var nextFirst$(i) = state[first$(i) + inside(start + hiddenQuad$(i)) * P];
  var nextSecond$(i) = state[second$(i) + inside(start + hiddenQuad$(i)) * P];
  #end
  #repeat i OUTPUT_ITEMS
  let logit$(i) = xi + min(columnTile * (4u * columns4) + (thread + $(i)u * threads) % tileLogits, P - 1u);
  let outputQuad$(i) = (thread + $(i)u * threads) / tileLogits;
  var nextOutput$(i) = outputAt(logit$(i), start + outputQuad$(i));
  #end
  var buffer = 0u;
  for (var q = start; q < end; q += depth4) {
    let hiddenAt = buffer * DEPTH * rowStride;
    let outputTile = buffer * DEPTH * columnStride;
    buffer = (buffer + 1u) % BUFFERS;
    if (BUFFERS == 1u) { workgroupBarrier(); }
    #repeat i HIDDEN_ITEMS
    {
      let h = activation(nextFirst$(i) + nextSecond$(i));
      let n = (thread + $(i)u * threads) % tilePairs;
      #repeat c 4
      hidden[hiddenAt + (4u * hiddenQuad$(i) + $(c)u) * rowStride + n / 4u][n % 4u] = h[$(c)];
      #end
    }
    #end
    #repeat i OUTPUT_ITEMS
    if (outputQuad$(i) < depth4) {
      let n = (thread + $(i)u * threads) % tileLogits;
      #repeat c 4
      output[outputTile + (4u * outputQuad$(i) + $(c)u) * columnStride + n / 4u][n % 4u] = nextOutput$(i)[$(c)];
      #end
    }
    #end
    workgroupBarrier();
    // The next tile is on its way into registers while this one is used.
    #repeat i HIDDEN_ITEMS
    nextFirst$(i) = state[first$(i) + inside(q + depth4 + hiddenQuad$(i)) * P];
    nextSecond$(i) = state[second$(i) + inside(q + depth4 + hiddenQuad$(i)) * P];
    #end
    #repeat i OUTPUT_ITEMS
    nextOutput$(i) = outputAt(logit$(i), q + depth4 + outputQuad$(i));
    #end
    #include tiled-product/multiply.wgsl
  }
  let to = member.slot * SCRATCH + group.z * U * LOGIT_QUADS + columnTile * columns4;
  #repeat r ROW_QUADS
  #repeat i 4
  {
    let u = firstPair + 4u * (row + $(r)u * ROWS) + $(i)u;
    if (u < U) {
      let at = to + u * LOGIT_QUADS;
      #repeat q COLUMN_QUADS
      scratch[at + column + $(q)u * 8u] =
          vec4f(s$(r)_$(q)_0[$(i)], s$(r)_$(q)_1[$(i)], s$(r)_$(q)_2[$(i)], s$(r)_$(q)_3[$(i)]);
      #end
      #repeat t TAIL
      scratch[at + tail$(t) / 4u][tail$(t) % 4u] = t$(r)_$(t)[$(i)];
      #end
    }
  }
  #end
  #end
  #repeat once REST
  #include tiled-product/share.wgsl
  if (columnTile == COLUMN_TILES - 1u) {
    for (var n = thread; n < rows4; n += threads) {
      let sum = sumOfRest(n);
      #repeat i 4
      if (firstPair + 4u * n + $(i)u < U) {
        scratch[to + (firstPair + 4u * n + $(i)u) * LOGIT_QUADS + columns4] = vec4f(sum[$(i)], 0.0, 0.0, 0.0);
      }
      #end
    }
  }
  #end
}

// Beyond the last quad: that one again, whose activations count for nothing since their weights are taken for zero.
fn inside(quad: u32) -> u32 { return min(quad, MQ - 1u); }
fn outputAt(logit: u32, quad: u32) -> vec4f {
  return select(vec4f(0.0), state[logit + inside(quad) * P], quad < MQ);
}
