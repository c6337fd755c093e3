// Logits of a batch of pairs: f[u][j] = sum_m h[u][m] xi[m][j], h[u][m] = sigma(theta_m[x_u] + theta_m[y_u]).
//
// Neurons are taken in chunks: a chunk's rows of xi stay in cache while all pairs of the batch pass over
// them, and each chunk's sum is rounded by itself before it is added, so a wide network loses no more than a
// narrow one.
#pragma once
#include "activation.h"
#include "tiles.h"
#include "trainer.h"

namespace grokbox::KERNEL_NAMESPACE {

constexpr int chunkNeurons = 128, chunkBlocks = chunkNeurons / 16;
constexpr int batchPairs = 48;

// hidden[r][m], rows `chunkNeurons` apart.
template <class A>
static void hiddenOfBatch(const Trainer& t, int32_t firstPair, int32_t count, int32_t firstBlock,
                          int32_t lastBlock, float* hidden) {
  for (int32_t b = firstBlock; b < lastBlock; b++) {
    const float* theta = t.now.theta.weights + (size_t)b * t.blockSize();
    float* out = hidden + (b - firstBlock) * 16;
    for (int32_t r = 0; r < count; r++) {
      const Pair& pair = t.pair[firstPair + r];
      const Block z =
          map([](V x, V y) { return x + y; }, loadBlock(theta + pair.x), loadBlock(theta + pair.y));
      storeBlock(out + (size_t)r * chunkNeurons, map(A::value, z));
    }
  }
}

// Adds a chunk's share to `Rows` x `Quanta * logitsQuantum` logits. Every (row, vector) has an accumulator; a
// neuron costs one load a vector, one broadcast a row, and Rows x vectors multiply-adds.
template <int Rows, int Quanta>
NOINLINE void logitsTile(const float* __restrict hidden, const float* __restrict xi, int32_t xiStride,
                         int32_t neurons, float* __restrict logits, int32_t stride, bool first) {
  constexpr int perVector = lanes / logitsQuantum > 0 ? lanes / logitsQuantum : 1;
  constexpr int vectors = Quanta / perVector, halves = Quanta % perVector;
  static_assert(halves == 0 || hasHalf);
  V sums[Rows][vectors > 0 ? vectors : 1];
#if defined(__AVX512F__)
  Half tails[Rows];
  UNROLL for (int r = 0; r < Rows; r++) tails[r] = splatHalf(0.f);
#endif
  UNROLL for (int r = 0; r < Rows; r++) UNROLL for (int v = 0; v < vectors; v++) sums[r][v] = splat(0.f);

  for (int32_t m = 0; m < neurons; m++) {
    V x[vectors > 0 ? vectors : 1];
    UNROLL for (int v = 0; v < vectors; v++) x[v] = load(xi + v * lanes);
#if defined(__AVX512F__)
    Half tail;
    if constexpr (halves > 0) tail = loadHalf(xi + vectors * lanes);
#endif
    UNROLL for (int r = 0; r < Rows; r++) {
      if constexpr (vectors > 0) {
        const V h = splat(hidden[r * chunkNeurons]);
        UNROLL for (int v = 0; v < vectors; v++) sums[r][v] = fma(h, x[v], sums[r][v]);
      }
#if defined(__AVX512F__)
      if constexpr (halves > 0) tails[r] = fmaHalf(splatHalf(hidden[r * chunkNeurons]), tail, tails[r]);
#endif
    }
    hidden++;
    xi += xiStride;
  }

  UNROLL for (int r = 0; r < Rows; r++) {
    float* out = logits + (size_t)r * stride;
    UNROLL for (int v = 0; v < vectors; v++)
        store(out + v * lanes, first ? sums[r][v] : load(out + v * lanes) + sums[r][v]);
#if defined(__AVX512F__)
    if constexpr (halves > 0) {
      float* end = out + vectors * lanes;
      storeHalf(end, first ? tails[r] : loadHalf(end) + tails[r]);
    }
#endif
  }
}

// logits[r] = f(pair firstPair + r), rows `stride` apart, for a batch of `count` pairs (whole units, at most
// batchPairs). Lanes beyond the trainer's logitStride are not written.
template <class A>
static void logitsOfBatch(const Trainer& t, int32_t firstPair, int32_t count, float* hidden, float* logits,
                          int32_t stride) {
  for (int32_t b = 0; b < t.blocks; b += chunkBlocks) {
    const int32_t last = b + chunkBlocks < t.blocks ? b + chunkBlocks : t.blocks;
    hiddenOfBatch<A>(t, firstPair, count, b, last, hidden);
    const float* xi = t.xiRows + (size_t)b * 16 * t.logitStride;
    forBalancedTiles(t.logitStride / logitsQuantum, logitsQuanta, [&](int32_t firstQuantum, int32_t quanta) {
      const int32_t j = firstQuantum * logitsQuantum;
      withConstant<logitsQuanta>(quanta, [&](auto q) {
        constexpr int Q = decltype(q)::value;
        int32_t r = 0;
        const auto tile = [&](auto f, int32_t rows) {
          for (; r + rows <= count; r += rows)
            f(hidden + (size_t)r * chunkNeurons, xi + j, t.logitStride, (last - b) * 16,
              logits + (size_t)r * stride + j, stride, b == 0);
        };
        tile(logitsTile<logitsRows, Q>, logitsRows);
        if constexpr (unitPairs % logitsRows != 0)
          tile(logitsTile<unitPairs % logitsRows, Q>, unitPairs % logitsRows);
      });
    });
  }
}

}  // namespace grokbox::KERNEL_NAMESPACE
