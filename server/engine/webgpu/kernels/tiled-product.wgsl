// What the two kernels share whose tiles are of a matrix product, [rows, depth] by [depth, logits]; the parts of their functions that are alike
// are in tiled-product/.
//
// A workgroup is ROWS x 8 invocations. Each has 4 ROW_QUADS rows and TJ logits in its registers, COLUMN_QUADS quads of logits 8 quads apart and
// TAIL single ones, and all go through the depth, DEPTH at a time, a multiple of 8. For a logit that is left over (REST) seven of eight columns
// would wait for the one that has it: they share it, each with one in eight of the depth, and add up at the end.

const threads = 8u * ROWS;
const rows4 = ROW_QUADS * ROWS;
const columns4 = 2u * TJ;
// One more: invocations that access one quad of rows at different depths must not all meet in one bank.
const rowStride = rows4 + 1u;
const columnStride = columns4 + REST;

// [depth of the tile, row or logit / 4]
// Of BUFFERS tiles: with two a tile is stored while others still use the one before.
var<workgroup> hidden: array<vec4f, BUFFERS * DEPTH * rowStride>;
var<workgroup> output: array<vec4f, BUFFERS * DEPTH * columnStride>;

// Of the logit that is left over, over the columns, which have left their sums in `hidden`.
fn sumOfRest(quad: u32) -> vec4f {
  var r = vec4f(0.0);
  for (var column = 0u; column < 8u; column++) { r += hidden[column * rowStride + quad]; }
  return r;
}
