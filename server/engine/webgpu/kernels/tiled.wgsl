// A network too large for a workgroup: three matrix products, each cut into tiles, with what comes between and after them.
//
// A pair's logits, and the gradient of the training loss in them, are a row of LOGIT_QUADS quads, in COLUMN_TILES parts of 8 TJ logits, and a
// quad for one that is left over (REST); those beyond P are nobody's, and their gradients are zero.

// [slot, U, LOGIT_QUADS]
@group(0) @binding(1) var<storage, read_write> logitGradient: array<vec4f>;

// Where an invocation is among the rows and columns of its workgroup. Neighbours by their lowest bit have one row, neighbours by the next one
// column, and a warp is 4 rows by 8 columns: so a multiprocessor of NVIDIA's reads a quad for each of a warp in two goes and not in four.
fn rowAmong(rows: u32, thread: u32) -> u32 {
  return ((thread >> 1u) & 1u) + ((thread >> 3u) & 2u) + 4u * (thread / 32u % (rows / 4u));
}

fn columnAmong(rows: u32, thread: u32) -> u32 {
  return (thread & 1u) + ((thread >> 1u) & 6u) + 8u * (thread / 32u / (rows / 4u));
}
