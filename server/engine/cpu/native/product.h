// The matrix product that both passes are made of: sixteen outputs a row,
//   out[j] = sum_k factor(k, j) vectors[k],    [j][16] and [k][16],
// where the factors are single numbers: rows [k][j], or, Blocked, [k / 16][j][k % 16], as weights lie in neuron
// blocks and logits in groups of pairs.
#pragma once
#include "tiles.h"
#include "vec.h"

namespace grokbox::KERNEL_NAMESPACE {

// `Outputs` rows of out, in `tileVectors` vectors of the sixteen; added to what is there unless it is the first.
// Every (output, vector) has an accumulator. `stride` is of a row of factors, or of a block of them; Blocked, count
// is a multiple of 16.
template <int Outputs, bool Blocked>
NOINLINE void productTile(const float* __restrict factor, int32_t stride, const float* __restrict vectors,
                          int32_t count, float* __restrict out, bool first) {
  V sums[Outputs][tileVectors];
  UNROLL for (int j = 0; j < Outputs; j++) UNROLL for (int v = 0; v < tileVectors; v++) sums[j][v] = splat(0.f);
  const int32_t run = Blocked ? 16 : count;
  for (int32_t k = 0; k < count; k += run) {
    const float* f = factor;
    for (int32_t i = 0; i < run; i++) {
      V x[tileVectors];
      UNROLL for (int v = 0; v < tileVectors; v++) x[v] = load(vectors + v * lanes);
      UNROLL for (int j = 0; j < Outputs; j++) {
        const V s = splat(f[Blocked ? j * 16 : j]);
        UNROLL for (int v = 0; v < tileVectors; v++) sums[j][v] = fma(s, x[v], sums[j][v]);
      }
      f += Blocked ? 1 : stride;
      vectors += 16;
    }
    factor += stride;
  }
  UNROLL for (int j = 0; j < Outputs; j++) UNROLL for (int v = 0; v < tileVectors; v++) {
    float* to = out + j * 16 + v * lanes;
    store(to, first ? sums[j][v] : load(to) + sums[j][v]);
  }
}

// All of [first output, n), tile by tile: f(first output of a tile, Constant<its outputs>).
template <class F>
static inline void forEachTile(int32_t n, F f) {
  forBalancedTiles(n, tileOutputs, [&](int32_t j, int32_t outputs) {
    withConstant<tileOutputs>(outputs, [&](auto size) { f(j, size); });
  });
}

}  // namespace grokbox::KERNEL_NAMESPACE
