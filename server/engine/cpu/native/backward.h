// Gradients of the training loss in the weights of one neuron block, from the gradient in the logits:
//   xi[j] += sum_u h[u] g[u][j]      and      theta[x_u], theta[y_u] += sigma'(z[u]) sum_j xi[j] g[u][j].
// The lanes are neurons. Pairs are taken in chunks whose activations and logit gradients stay in the
// first-level cache for both sums.
#pragma once
#include "activation.h"
#include "tiles.h"
#include "trainer.h"

namespace grokbox::KERNEL_NAMESPACE {

constexpr int chunkPairs = 96;

struct BackwardScratch {
  alignas(64) float hidden[chunkPairs * 16];
  alignas(64) float slope[chunkPairs * 16];
};

template <class A>
static void hiddenOfChunk(const float* theta, const Pair* pair, int32_t count, BackwardScratch& scratch) {
  for (int32_t u = 0; u < count; u++) {
    UNROLL for (int i = 0; i < blockVectors; i++) {
      const ValueAndSlope s =
          A::both(load(theta + pair[u].x + i * lanes) + load(theta + pair[u].y + i * lanes));
      store(scratch.hidden + u * 16 + i * lanes, s.value);
      if constexpr (!A::slopeIsStep) store(scratch.slope + u * 16 + i * lanes, s.slope);
    }
  }
}

// The chunk's share of the gradient of `Logits` rows of xi, in `backwardVectors` of the block's vectors.
template <int Logits>
NOINLINE void xiTile(const float* __restrict g, int32_t stride, const float* __restrict hidden, int32_t count,
                     float* __restrict gradient, bool first) {
  V sums[Logits][backwardVectors];
  UNROLL for (int j = 0; j < Logits; j++) UNROLL for (int v = 0; v < backwardVectors; v++) sums[j][v] =
      splat(0.f);
  for (int32_t u = 0; u < count; u++) {
    V h[backwardVectors];
    UNROLL for (int v = 0; v < backwardVectors; v++) h[v] = load(hidden + v * lanes);
    UNROLL for (int j = 0; j < Logits; j++) {
      const V s = splat(g[j]);
      UNROLL for (int v = 0; v < backwardVectors; v++) sums[j][v] = fma(s, h[v], sums[j][v]);
    }
    g += stride;
    hidden += 16;
  }
  UNROLL for (int j = 0; j < Logits; j++) UNROLL for (int v = 0; v < backwardVectors; v++) {
    float* out = gradient + j * 16 + v * lanes;
    store(out, first ? sums[j][v] : load(out) + sums[j][v]);
  }
}

// Takes `backwardPairs` pairs back through xi and sigma, in `backwardVectors` of the block's vectors.
template <bool SlopeIsStep>
NOINLINE void thetaTile(const float* __restrict g, int32_t stride, const float* __restrict xi, int32_t p,
                        const Pair* __restrict pair, const float* __restrict hidden,
                        const float* __restrict slope, float* __restrict gradient) {
  V sums[backwardPairs][backwardVectors];
  UNROLL for (int u = 0; u < backwardPairs; u++) UNROLL for (int v = 0; v < backwardVectors; v++) sums[u][v] =
      splat(0.f);
  for (int32_t j = 0; j < p; j++) {
    V x[backwardVectors];
    UNROLL for (int v = 0; v < backwardVectors; v++) x[v] = load(xi + v * lanes);
    UNROLL for (int u = 0; u < backwardPairs; u++) {
      const V s = splat(g[(size_t)u * stride]);
      UNROLL for (int v = 0; v < backwardVectors; v++) sums[u][v] = fma(s, x[v], sums[u][v]);
    }
    g++;
    xi += 16;
  }
  UNROLL for (int u = 0; u < backwardPairs; u++) UNROLL for (int v = 0; v < backwardVectors; v++) {
    const int i = u * 16 + v * lanes;
    const V d = SlopeIsStep ? (load(hidden + i) > splat(0.f) ? sums[u][v] : splat(0.f))
                            : load(slope + i) * sums[u][v];
    float* x = gradient + pair[u].x + v * lanes;
    store(x, load(x) + d);
    float* y = gradient + pair[u].y + v * lanes;
    store(y, load(y) + d);
  }
}

template <class A>
static void backwardBlock(Trainer& t, int32_t block, BackwardScratch& scratch) {
  const size_t offset = (size_t)block * t.blockSize();
  const float *theta = t.now.theta.weights + offset, *xi = t.now.xi.weights + offset;
  float *thetaGradient = t.thetaGradient + offset, *xiGradient = t.xiGradient + offset;
  const int32_t p = t.modulus, stride = t.logitStride;
  memset(thetaGradient, 0, t.blockSize() * sizeof(float));
  if (t.trainedPairs == 0) memset(xiGradient, 0, t.blockSize() * sizeof(float));

  for (int32_t first = 0; first < t.trainedPairs; first += chunkPairs) {
    const int32_t count = t.trainedPairs - first < chunkPairs ? t.trainedPairs - first : chunkPairs;
    const float* g = t.logitGradient + (size_t)first * stride;
    const Pair* pair = t.pair + first;
    hiddenOfChunk<A>(theta, pair, count, scratch);
    for (int v = 0; v < 16; v += backwardVectors * lanes) {
      forBalancedTiles(p, backwardLogits, [&](int32_t j, int32_t logits) {
        withConstant<backwardLogits>(logits, [&](auto n) {
          xiTile<decltype(n)::value>(g + j, stride, scratch.hidden + v, count, xiGradient + j * 16 + v,
                                     first == 0);
        });
      });
      for (int32_t u = 0; u < count; u += backwardPairs)
        thetaTile<A::slopeIsStep>(g + (size_t)u * stride, stride, xi + v, p, pair + u,
                                  scratch.hidden + u * 16 + v, scratch.slope + u * 16 + v, thetaGradient + v);
    }
  }
}

}  // namespace grokbox::KERNEL_NAMESPACE
