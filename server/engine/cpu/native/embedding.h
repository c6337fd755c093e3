// A learned embedding: theta = W_in W_E. The backward pass gives the gradient of theta, from which follow
//   dW_in = dtheta W_E^T, a block of neurons by itself, and dW_E = W_in^T dtheta, a sum over all of them.
//
// W_in lies in neuron blocks, [block, dimension, 16 neurons], as theta does. W_E lies in rows, padded with
// zeros to whole blocks of lanes, and once more in columns, as dW_in reads it.
#pragma once
#include "backward.h"
#include "update.h"

namespace grokbox::KERNEL_NAMESPACE {

// out[j] = sum_u factor[u][j] rows[u], j < n: sixteen neurons of a product.
static inline void multiplyBlock(const float* factor, int32_t stride, const float* rows, int32_t count,
                                 float* out, int32_t n) {
  for (int v = 0; v < 16; v += tileVectors * lanes)
    forEachTile(n, [&](int32_t j, auto size) {
      productTile<decltype(size)::value, false>(factor + j, stride, rows + v, count, out + j * 16 + v, true);
    });
}

// theta of a block, from its factors.
static inline void projectBlock(Trainer& t, int32_t block) {
  multiplyBlock(t.now.embedding.weights, t.embeddingStride,
                t.now.projection.weights + (size_t)block * t.projectionSize(), t.dimension,
                t.now.theta.weights + (size_t)block * t.blockSize(), t.modulus);
}

static inline void projectionGradient(Trainer& t, int32_t block) {
  multiplyBlock(t.embeddingColumns, t.dimension, t.thetaGradient + (size_t)block * t.blockSize(), t.modulus,
                t.projectionGradient + (size_t)block * t.projectionSize(), t.dimension);
}

// So many rows and columns have their sums in registers.
constexpr int tileRows = 3, tileColumns = 4;

// sums[r][c] = sum over blocks of projection[r] slope[c], lane by lane.
template <int Rows, int Columns>
NOINLINE void embeddingTile(const float* __restrict projection, size_t projectionStride,
                            const float* __restrict slope, size_t slopeStride, int32_t blocks,
                            float* __restrict out) {
  V sums[Rows][Columns];
  UNROLL for (int r = 0; r < Rows; r++) UNROLL for (int c = 0; c < Columns; c++) sums[r][c] = splat(0.f);
  for (int32_t b = 0; b < blocks; b++) {
    V x[Rows];
    UNROLL for (int r = 0; r < Rows; r++) x[r] = load(projection + r * 16);
    UNROLL for (int c = 0; c < Columns; c++) {
      const V s = load(slope + c * 16);
      UNROLL for (int r = 0; r < Rows; r++) sums[r][c] = fma(x[r], s, sums[r][c]);
    }
    projection += projectionStride;
    slope += slopeStride;
  }
  UNROLL for (int r = 0; r < Rows; r++) UNROLL for (int c = 0; c < Columns; c++)
      store(out + (r * Columns + c) * 16, sums[r][c]);
}

// Rows [first, last) of dW_E, when the gradient of theta is whole.
static void embeddingGradient(Trainer& t, int32_t first, int32_t last) {
  alignas(64) float sums[tileRows * tileColumns * 16];
  forBalancedTiles(last - first, tileRows, [&](int32_t r, int32_t rows) {
    withConstant<tileRows>(rows, [&](auto someRows) {
      constexpr int Rows = decltype(someRows)::value;
      const int32_t e = first + r;
      forBalancedTiles(t.modulus, tileColumns, [&](int32_t j, int32_t columns) {
        withConstant<tileColumns>(columns, [&](auto someColumns) {
          constexpr int Columns = decltype(someColumns)::value;
          for (int v = 0; v < 16; v += lanes)
            embeddingTile<Rows, Columns>(t.now.projection.weights + e * 16 + v, t.projectionSize(),
                                         t.thetaGradient + j * 16 + v, t.blockSize(), t.blocks, sums + v);
          for (int i = 0; i < Rows; i++)
            for (int c = 0; c < Columns; c++)
              t.embeddingGradient[(size_t)(e + i) * t.embeddingStride + j + c] =
                  sum(loadBlock(sums + (i * Columns + c) * 16));
        });
      });
    });
  });
  for (int32_t e = first; e < last; e++)
    t.gradientSquares[t.blocks + e] =
        squares(t.embeddingGradient + (size_t)e * t.embeddingStride, t.embeddingStride);
}

// Refreshes what is kept beside the rows [first, last) of W_E.
static inline void embeddingChanged(Trainer& t, int32_t first, int32_t last) {
  for (int32_t e = first; e < last; e++) {
    const float* row = t.now.embedding.weights + (size_t)e * t.embeddingStride;
    for (int32_t j = 0; j < t.modulus; j++) t.embeddingColumns[(size_t)j * t.dimension + e] = row[j];
    t.parameterSquares[t.blocks + e] = squares(row, t.embeddingStride);
  }
}

static inline void updateEmbedding(Trainer& t, int32_t first, int32_t last, const UpdateScalars& s) {
  const size_t size = t.embeddingStride;
  updateArray(t, s, t.now.embedding, t.embeddingGradient, first * size, (last - first) * size);
  embeddingChanged(t, first, last);
}

// One update of one neuron block; with a learned embedding, when all of W_E has been updated.
static inline void updateBlock(Trainer& t, int32_t block, const UpdateScalars& s) {
  const size_t size = t.blockSize(), inner = t.projectionSize();
  if (t.dimension) {
    updateArray(t, s, t.now.projection, t.projectionGradient, block * inner, inner);
    projectBlock(t, block);
  } else {
    updateArray(t, s, t.now.theta, t.thetaGradient, block * size, size);
  }
  updateArray(t, s, t.now.xi, t.xiGradient, block * size, size);
  weightsChanged(t, block);
}

}  // namespace grokbox::KERNEL_NAMESPACE
