// The gradient of theta. That of the activations is a matrix product, [pairs, logits] by [logits, neurons]; times the activation's slope,
// each element adds to the two residues of its pair.
//
// A tile is of the pairs (a, a + d) of RESIDUES residues a and DIFFERENCES differences d. An invocation has one a, all d, and NEURON_QUADS
// quads of neurons, one in every THETA_COLUMNS. So what it adds to a it adds up in registers, and what the tile adds to a + d in workgroup
// memory, one d after another, for which no residue comes twice; only then do both go to the sums over all tiles. A workgroup goes through
// one in THETA_SPLITS of the tiles; its sums are in scratch[slot, after the partial sums of xi: split, a layer].
//
// Tiles follow each other through all residues of the first differences, a run, then of the next ones. So a tile may have the last residues of
// one run and the first of the next, whose differences are higher by DIFFERENCES: they add up one after the other. Of a P below RESIDUES each
// run is one tile (STRIDE).

const threads = RESIDUES * THETA_COLUMNS;
const columns4 = NEURON_QUADS * THETA_COLUMNS;
// Of a residue's differences.
const differenceQuads = (DIFFERENCES + 3u) / 4u;
// One more: invocations that write different logits of a pair or of a quad of neurons must not all meet in one bank.
const gradientStride = RESIDUES * differenceQuads + 1u;
const rowStride = columns4 + 1u;
// Residues a + d of a run in a tile.
const seconds = min(P, RESIDUES + DIFFERENCES - 1u);

// The gradient of some logits, [logit, residue, difference / 4], and from `outputs` on their weights, [logit, neuron / 4]; after that in
// their place what the tile adds to the residues a + d, [residue, neuron / 4].
var<workgroup> room: array<vec4f, ROOM>;
const outputs = THETA_DEPTH * gradientStride;
// Of BUFFERS of such, as in tiled-forward.wgsl.
const bufferQuads = outputs + THETA_DEPTH * rowStride;

// Where the tile has what it adds to a residue. The quads of each eight are exchanged so that different banks have those of the 4 columns and 2
// rows that add together, and those of one quad for the 8 residues that are read together.
fn secondAt(residue: u32, quad: u32) -> u32 {
  return residue * columns4 + (quad ^ (4u * (residue & 1u) + ((residue >> 1u) & 3u)));
}

@compute @workgroup_size(threads)
fn backward(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) thread: u32) {
  let member = memberAt(group.y);
  let counter = submission[0].y;
  let pass_ = sharePass(thread, counter, member);
  if (pass_ == noPass) { return; }
  let theta = member.slot * SLOT;
  let xi = theta + layerQuads;
  let firstQuad = group.x * columns4;
  let row = rowAmong(RESIDUES, thread);
  let column = columnAmong(RESIDUES, thread);
  let sums = member.slot * SCRATCH + (XI_SPLITS + group.z) * layerQuads + firstQuad * P;
  let last = (member.slot + 1u) * U * LOGIT_QUADS * 4u - 1u;
  #repeat q NEURON_QUADS
  let quad$(q) = column + $(q)u * THETA_COLUMNS;
  let inside$(q) = theta + min(firstQuad + quad$(q), MQ - 1u) * P;
  #end
  // An invocation fetches the same places of every tile, and neighbours neighbouring logits, then differences.
  #repeat i THETA_GRADIENT_ITEMS
  let gradientLogit$(i) = (thread + $(i)u * threads) % THETA_DEPTH;
  let gradientRow$(i) = (thread + $(i)u * threads) / THETA_DEPTH / DIFFERENCES;
  let gradientD$(i) = (thread + $(i)u * threads) / THETA_DEPTH % DIFFERENCES;
  #end
  #repeat i THETA_OUTPUT_ITEMS
  let outputQuad$(i) = (thread + $(i)u * threads) / THETA_DEPTH;
  let outputLogit$(i) = (thread + $(i)u * threads) % THETA_DEPTH;
  let outputFrom$(i) = xi + min(firstQuad + outputQuad$(i), MQ - 1u) * P;
  #end
  for (var i = thread; i < min(columns4, MQ - firstQuad) * P; i += threads) { scratch[sums + i] = vec4f(0.0); }
  storageBarrier();

  for (var tile = THETA_TILES * group.z / THETA_SPLITS; tile < THETA_TILES * (group.z + 1u) / THETA_SPLITS; tile++) {
    let firstA = tile * RESIDUES % STRIDE;
    let firstD = tile * RESIDUES / STRIDE * DIFFERENCES;
    // Rows from here on are of the next run.
    let firstRows = STRIDE - firstA;
    #repeat i THETA_GRADIENT_ITEMS
    let gradientFrom$(i) = gradientLogit$(i) + (4u * LOGIT_QUADS) * (member.slot * U + (firstD + gradientD$(i)) * P + firstA
        + gradientRow$(i) + select(0u, (DIFFERENCES - 1u) * P, gradientRow$(i) >= firstRows));
    #end
    #repeat d DIFFERENCES
    #repeat q NEURON_QUADS
    var s$(d)_$(q) = vec4f(0.0);
    #end
    #end
    #repeat i THETA_GRADIENT_ITEMS
    var nextGradient$(i) = gradientAt(gradientFrom$(i), last);
    #end
    #repeat i THETA_OUTPUT_ITEMS
    var nextOutput$(i) = outputAt(outputFrom$(i), outputLogit$(i));
    #end
    var buffer = 0u;
    for (var j = 0u; j < P; j += THETA_DEPTH) {
      let from_ = buffer * bufferQuads;
      buffer = (buffer + 1u) % BUFFERS;
      if (BUFFERS == 1u) { workgroupBarrier(); }
      #repeat i THETA_GRADIENT_ITEMS
      if (gradientRow$(i) < RESIDUES) {
        let to = from_ + gradientLogit$(i) * gradientStride + gradientRow$(i) * differenceQuads + gradientD$(i) / 4u;
        room[to][gradientD$(i) % 4u] = nextGradient$(i);
      }
      #end
      #repeat i THETA_OUTPUT_ITEMS
      if (outputQuad$(i) < columns4) { room[from_ + outputs + outputLogit$(i) * rowStride + outputQuad$(i)] = nextOutput$(i); }
      #end
      workgroupBarrier();
      // The next logits are fetched into registers while these are used.
      #repeat i THETA_GRADIENT_ITEMS
      nextGradient$(i) = gradientAt(gradientFrom$(i) + j + THETA_DEPTH, last);
      #end
      #repeat i THETA_OUTPUT_ITEMS
      nextOutput$(i) = outputAt(outputFrom$(i), outputLogit$(i) + j + THETA_DEPTH);
      #end
      for (var k = 0u; k < THETA_DEPTH; k++) {
        #repeat q NEURON_QUADS
        let w$(q) = room[from_ + outputs + k * rowStride + quad$(q)];
        #end
        #repeat c (DIFFERENCES+3)/4
        let g$(c) = room[from_ + k * gradientStride + row * differenceQuads + $(c)u];
        #end
        #repeat d DIFFERENCES
        #repeat q NEURON_QUADS
        s$(d)_$(q) = fma(vec4f(g$(d/4)[$(d)u % 4u]), w$(q), s$(d)_$(q));
        #end
        #end
      }
    }
    let isOfNext = row >= firstRows;
    let a = firstA + row - select(0u, STRIDE, isOfNext);
    #repeat q NEURON_QUADS
    let first$(q) = state[inside$(q) + min(a, P - 1u)];
    var ofFirst$(q) = vec4f(0.0);
    #end
    #repeat once SLOPES_AT_ONCE
    // None is waited for between barriers.
    let ownD = firstD + select(0u, DIFFERENCES, isOfNext);
    #repeat d DIFFERENCES
    #repeat q NEURON_QUADS
    let second$(d)_$(q) = state[inside$(q) + (a + ownD + $(d)u) % P];
    #end
    #end
    #repeat d DIFFERENCES
    #repeat q NEURON_QUADS
    s$(d)_$(q) *= slope(first$(q) + second$(d)_$(q));
    if (ownD + $(d)u <= P / 2u) { ofFirst$(q) += s$(d)_$(q); }
    #end
    #end
    #end
    for (var run = 0u; run < select(1u, 2u, firstRows < RESIDUES); run++) {
      let runD = firstD + run * DIFFERENCES;
      let isMine = a < P && isOfNext == (run == 1u);
      workgroupBarrier();
      for (var i = thread; i < seconds * columns4; i += threads) { room[i] = vec4f(0.0); }
      workgroupBarrier();
      #repeat d DIFFERENCES
      if (isMine && runD + $(d)u <= P / 2u) {
        #repeat once SLOPES_IN_TURN
        let second = (a + runD + $(d)u) % P;
        #end
        #repeat q NEURON_QUADS
        {
          #repeat once SLOPES_IN_TURN
          let g = s$(d)_$(q) * slope(first$(q) + state[inside$(q) + second]);
          ofFirst$(q) += g;
          #end
          #repeat once SLOPES_AT_ONCE
          let g = s$(d)_$(q);
          #end
          room[secondAt((row + $(d)u) % seconds, quad$(q))] += g;
        }
        #end
      }
      workgroupBarrier();
      #end
      for (var i = thread; i < seconds * columns4; i += threads) {
        let quad = i / seconds;
        let residue = (firstA + runD + i % seconds) % P;
        if (firstQuad + quad < MQ) { scratch[sums + weightAt(residue, quad)] += room[secondAt(i % seconds, quad)]; }
      }
      storageBarrier();
    }
    #repeat q NEURON_QUADS
    if (a < P && firstQuad + quad$(q) < MQ) { scratch[sums + weightAt(a, quad$(q))] += ofFirst$(q); }
    #end
    storageBarrier();
    if (BUFFERS > 1u) { workgroupBarrier(); }
  }
}

// What is not there is another number that is: its logit's weights are taken for zero, or its pair is not stored.
fn gradientAt(i: u32, last: u32) -> f32 { return logitGradient[min(i, last) / 4u][min(i, last) % 4u]; }
fn outputAt(from_: u32, logit: u32) -> vec4f { return select(vec4f(0.0), state[from_ + min(logit, P - 1u)], logit < P); }
