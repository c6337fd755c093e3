// The gradient of theta. That of the activations is a matrix product, [pairs, logits] by [logits, neurons]; times the activation's slope,
// each element adds to the two residues of its pair.
//
// A tile is of the pairs (a, a + d) of RESIDUES residues a and DIFFERENCES differences d. An invocation has one a, all d, and NEURON_QUADS
// quads of neurons, one in every THETA_COLUMNS. So what it adds to a it adds up in registers, and what the tile adds to a + d in workgroup
// memory, one d after another, for which no residue comes twice; only then do both go to the sums over all tiles. A workgroup goes through
// one in THETA_SPLITS of the tiles; its sums are in scratch[slot, after the partial sums of xi: split, residue, quad].

const threads = RESIDUES * THETA_COLUMNS;
const columns4 = NEURON_QUADS * THETA_COLUMNS;
// Of a residue's differences.
const differenceQuads = (DIFFERENCES + 3u) / 4u;
// One more: invocations that write neighbouring logits of a residue must not all meet in one bank.
const rowStride = RESIDUES * differenceQuads + 1u;
const residueTiles = (P + RESIDUES - 1u) / RESIDUES;
const tiles = residueTiles * ((P / 2u + DIFFERENCES) / DIFFERENCES);
// Residues a + d of a tile.
const seconds = min(P, RESIDUES + DIFFERENCES - 1u);

// The gradient of some logits, [logit, residue, difference / 4], and from `outputs` on their weights, [logit, neuron / 4]; after that in
// their place what the tile adds to the residues a + d, [residue, neuron / 4].
var<workgroup> room: array<vec4f, ROOM>;
const outputs = THETA_DEPTH * rowStride;

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
  // Of the logit gradient an invocation fetches this residue's: neighbours are neighbours there.
  let fetched = thread % RESIDUES;
  let turn = thread / RESIDUES;
  let sums = member.slot * SCRATCH + (XI_SPLITS + group.z) * layerQuads + firstQuad;
  let last = (member.slot + 1u) * P * US - 1u;
  #repeat q NEURON_QUADS
  let quad$(q) = column + $(q)u * THETA_COLUMNS;
  let inside$(q) = min(firstQuad + quad$(q), MQ - 1u);
  #end
  for (var i = thread; i < P * columns4; i += threads) {
    if (firstQuad + i % columns4 < MQ) { scratch[sums + i / columns4 * MQ + i % columns4] = vec4f(0.0); }
  }
  storageBarrier();

  for (var tile = tiles * group.z / THETA_SPLITS; tile < tiles * (group.z + 1u) / THETA_SPLITS; tile++) {
    let a = tile % residueTiles * RESIDUES + row;
    let firstD = tile / residueTiles * DIFFERENCES;
    let from_ = member.slot * P * US + firstD * P + tile % residueTiles * RESIDUES + fetched;
    #repeat d DIFFERENCES
    #repeat q NEURON_QUADS
    var s$(d)_$(q) = vec4f(0.0);
    #end
    #end
    #repeat i THETA_GRADIENT_ITEMS
    var nextGradient$(i) = gradientAt(from_, last, 0u, turn + $(i)u * THETA_COLUMNS);
    #end
    #repeat i THETA_OUTPUT_ITEMS
    var nextOutput$(i) = outputAt(xi, firstQuad, 0u, thread + $(i)u * threads);
    #end
    for (var j = 0u; j < P; j += THETA_DEPTH) {
      workgroupBarrier();
      #repeat i THETA_GRADIENT_ITEMS
      {
        let n = turn + $(i)u * THETA_COLUMNS;
        let d = n % DIFFERENCES;
        if (n < THETA_DEPTH * DIFFERENCES) {
          room[n / DIFFERENCES * rowStride + fetched * differenceQuads + d / 4u][d % 4u] = nextGradient$(i);
        }
      }
      #end
      #repeat i THETA_OUTPUT_ITEMS
      {
        let n = thread + $(i)u * threads;
        if (n < THETA_DEPTH * columns4) { room[outputs + n] = nextOutput$(i); }
      }
      #end
      workgroupBarrier();
      // The next logits are fetched into registers while these are used.
      #repeat i THETA_GRADIENT_ITEMS
      nextGradient$(i) = gradientAt(from_, last, j + THETA_DEPTH, turn + $(i)u * THETA_COLUMNS);
      #end
      #repeat i THETA_OUTPUT_ITEMS
      nextOutput$(i) = outputAt(xi, firstQuad, j + THETA_DEPTH, thread + $(i)u * threads);
      #end
      for (var k = 0u; k < THETA_DEPTH; k++) {
        #repeat q NEURON_QUADS
        let w$(q) = room[outputs + k * columns4 + quad$(q)];
        #end
        #repeat c (DIFFERENCES+3)/4
        let g$(c) = room[k * rowStride + row * differenceQuads + $(c)u];
        #end
        #repeat d DIFFERENCES
        #repeat q NEURON_QUADS
        s$(d)_$(q) = fma(vec4f(g$(d/4)[$(d)u % 4u]), w$(q), s$(d)_$(q));
        #end
        #end
      }
    }
    workgroupBarrier();
    for (var i = thread; i < seconds * columns4; i += threads) { room[i] = vec4f(0.0); }
    workgroupBarrier();
    #repeat q NEURON_QUADS
    let first$(q) = state[theta + min(a, P - 1u) * MQ + inside$(q)];
    var ofFirst$(q) = vec4f(0.0);
    #end
    #repeat d DIFFERENCES
    if (a < P && firstD + $(d)u <= P / 2u) {
      let second = theta + (a + firstD + $(d)u) % P * MQ;
      #repeat q NEURON_QUADS
      {
        let g = s$(d)_$(q) * slope(first$(q) + state[second + inside$(q)]);
        ofFirst$(q) += g;
        room[(row + $(d)u) % seconds * columns4 + quad$(q)] += g;
      }
      #end
    }
    workgroupBarrier();
    #end
    #repeat q NEURON_QUADS
    if (a < P && firstQuad + quad$(q) < MQ) { scratch[sums + a * MQ + quad$(q)] += ofFirst$(q); }
    #end
    storageBarrier();
    for (var i = thread; i < seconds * columns4; i += threads) {
      let quad = i % columns4;
      let residue = (a - row + firstD + i / columns4) % P;
      if (firstQuad + quad < MQ) { scratch[sums + residue * MQ + quad] += room[i]; }
    }
    storageBarrier();
  }
}

// Item i of the left tile, of the residue that an invocation fetches, is of difference i mod DIFFERENCES and logit i / DIFFERENCES. What is not there is
// another number that is.
fn gradientAt(from_: u32, last: u32, first: u32, i: u32) -> f32 {
  return logitGradient[min(from_ + (first + i / DIFFERENCES) * US + i % DIFFERENCES * P, last)];
}

// Item i of the right one is a quad of neurons of logit i / columns4.
fn outputAt(xi: u32, firstQuad: u32, first: u32, i: u32) -> vec4f {
  let j = first + i / columns4;
  return select(vec4f(0.0), state[xi + min(j, P - 1u) * MQ + min(firstQuad + i % columns4, MQ - 1u)], j < P);
}
