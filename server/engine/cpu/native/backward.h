// Gradients of the training loss in the weights of one neuron block, from the gradient in the logits:
//   xi[j] += sum_u h[u] g[u][j]      and      theta[x_u], theta[y_u] += sigma'(z[u]) sum_j xi[j] g[u][j].
// The lanes are neurons. Pairs are taken in chunks whose activations and logit gradients stay in the
// first-level cache for both sums.
#pragma once
#include "activation.h"
#include "product.h"
#include "trainer.h"

namespace grokbox::KERNEL_NAMESPACE {

constexpr int mostChunkGroups = 6, chunkPairs = mostChunkGroups * 16;

// So many that their logit gradients take half of the first-level cache, which weights and sums need too.
static inline int32_t chunkGroups(const Trainer& t) {
  const int32_t fit = 26624 / (int32_t)(t.blockSize() * sizeof(float));
  return fit < 2 ? 2 : fit < mostChunkGroups ? fit : mostChunkGroups;
}

struct BackwardScratch {
  alignas(64) float hidden[chunkPairs * 16];
  alignas(64) float slope[chunkPairs * 16];
};

template <class A>
static void hiddenOfChunk(const float* theta, const PairGroup* group, int32_t groups, BackwardScratch& scratch) {
  float *hidden = scratch.hidden, *slope = scratch.slope;
  for (const PairGroup* last = group + groups; group < last; group++)
    for (int u = 0; u < 16; u++) {
      const float *x = theta + group->x[u], *y = theta + group->y[u];
      UNROLL for (int v = 0; v < 16; v += lanes) {
        const ValueAndSlope s = A::both(load(x + v) + load(y + v));
        store(hidden + v, s.value);
        if constexpr (!A::slopeIsStep) store(slope + v, s.slope);
      }
      hidden += 16, slope += 16;
    }
}

// Takes `Pairs` pairs of a group back through xi and sigma, in `tileVectors` of the block's vectors. `g` is [j][16].
template <bool SlopeIsStep, int Pairs>
NOINLINE void thetaTile(const float* __restrict g, const float* __restrict xi, int32_t p, const int32_t* __restrict x,
                        const int32_t* __restrict y, const float* __restrict hidden, const float* __restrict slope,
                        float* __restrict gradient) {
  V sums[Pairs][tileVectors];
  UNROLL for (int u = 0; u < Pairs; u++) UNROLL for (int v = 0; v < tileVectors; v++) sums[u][v] = splat(0.f);
  for (int32_t j = 0; j < p; j++) {
    V w[tileVectors];
    UNROLL for (int v = 0; v < tileVectors; v++) w[v] = load(xi + v * lanes);
    UNROLL for (int u = 0; u < Pairs; u++) {
      const V s = splat(g[u]);
      UNROLL for (int v = 0; v < tileVectors; v++) sums[u][v] = fma(s, w[v], sums[u][v]);
    }
    g += 16;
    xi += 16;
  }
  UNROLL for (int u = 0; u < Pairs; u++) UNROLL for (int v = 0; v < tileVectors; v++) {
    const int i = u * 16 + v * lanes;
    const V d = SlopeIsStep ? (load(hidden + i) > splat(0.f) ? sums[u][v] : splat(0.f)) : load(slope + i) * sums[u][v];
    float* to = gradient + x[u] + v * lanes;
    store(to, load(to) + d);
    to = gradient + y[u] + v * lanes;
    store(to, load(to) + d);
  }
}

template <class A>
static void backwardBlock(Trainer& t, int32_t block, BackwardScratch& scratch) {
  const int32_t p = t.modulus, size = t.blockSize();
  const size_t offset = (size_t)block * size;
  const float *theta = t.now.theta.weights + offset, *xi = t.now.xi.weights + offset;
  float *thetaGradient = t.thetaGradient + offset, *xiGradient = t.xiGradient + offset;
  memset(thetaGradient, 0, size * sizeof(float));
  if (t.trainedGroups == 0) memset(xiGradient, 0, size * sizeof(float));

  const int32_t chunk = chunkGroups(t);
  for (int32_t first = 0; first < t.trainedGroups; first += chunk) {
    const int32_t groups = t.trainedGroups - first < chunk ? t.trainedGroups - first : chunk;
    const float* g = t.logits + (size_t)first * size;
    const PairGroup* group = t.group + first;
    hiddenOfChunk<A>(theta, group, groups, scratch);
    for (int v = 0; v < 16; v += tileVectors * lanes) {
      forEachTile(p, [&](int32_t j, auto outputs) {
        productTile<decltype(outputs)::value, true>(g + j * 16, size, scratch.hidden + v, groups * 16,
                                                    xiGradient + j * 16 + v, first == 0);
      });
      for (int32_t k = 0; k < groups; k++)
        forBalancedTiles(16, tilePairs, [&](int32_t u, int32_t pairs) {
          withConstant<tilePairs>(pairs, [&](auto n) {
            const int32_t i = (k * 16 + u) * 16 + v;
            thetaTile<A::slopeIsStep, decltype(n)::value>(g + k * size + u, xi + v, p, group[k].x + u, group[k].y + u,
                                                          scratch.hidden + i, scratch.slope + i, thetaGradient + v);
          });
        });
    }
  }
}

}  // namespace grokbox::KERNEL_NAMESPACE
