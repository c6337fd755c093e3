// One optimizer update of one neuron block, and what follows from its new weights.
#pragma once
#include "trainer.h"

namespace grokbox::KERNEL_NAMESPACE {

// Scalars of the update that leaves step t; computed in float64 and rounded once.
struct UpdateScalars {
  float decay, rate, beta2, oneMinusBeta1, oneMinusBeta2, inverseRootCorrection2, epsilon, weightDecay;
  float alpha, oneMinusAlpha, lambda;
};

static inline double power(double x, double n) {
  double r = 1;
  for (; n >= 1; n = (double)(int64_t)(n / 2), x *= x)
    if ((int64_t)n % 2) r *= x;
  return r;
}

static inline UpdateScalars scalarsAt(const Trainer& t, double step) {
  const double rate = step < t.warmupSteps ? t.learningRate * (step / t.warmupSteps) : t.learningRate;
  UpdateScalars s{};
  // An average begins as the first gradient: from zero, with nothing kept of it.
  const double alpha = step == t.averageFrom ? 0 : t.alpha;
  s.alpha = (float)alpha;
  s.oneMinusAlpha = (float)(1 - alpha);
  s.lambda = (float)t.lambda;
  if (t.optimizer == Optimizer::sgd) {
    s.rate = (float)rate;
    s.weightDecay = (float)t.weightDecay;
    return s;
  }
  s.decay = (float)(1 - rate * t.weightDecay);
  s.rate = (float)(rate / (1 - power(t.beta1, step + 1)));
  s.oneMinusBeta1 = (float)(1 - t.beta1);
  s.beta2 = (float)t.beta2;
  s.oneMinusBeta2 = (float)(1 - t.beta2);
  s.inverseRootCorrection2 = (float)(1 / __builtin_sqrt(1 - power(t.beta2, step + 1)));
  s.epsilon = (float)t.epsilon;
  return s;
}

// The gradient with its slow part amplified: Lee et al., "Grokfast" (2024).
INLINE V grokfast(const UpdateScalars& s, V g, float* average) {
  const V mean = fma(splat(s.alpha), load(average), splat(s.oneMinusAlpha) * g);
  store(average, mean);
  return fma(splat(s.lambda), mean, g);
}

INLINE V adamw(const UpdateScalars& s, V w, V g, float* first, float* second) {
  V m = load(first), v = load(second);
  m = fma(splat(s.oneMinusBeta1), g - m, m);
  v = fma(splat(s.beta2), v, splat(s.oneMinusBeta2) * (g * g));
  store(first, m);
  store(second, v);
  const V scale = fma(squareRoot(v), splat(s.inverseRootCorrection2), splat(s.epsilon));
  return fma(splat(-s.rate), m / scale, w * splat(s.decay));
}

INLINE V sgd(const UpdateScalars& s, V w, V g) {
  return fma(splat(-s.rate), fma(splat(s.weightDecay), w, g), w);
}

template <bool Adamw, bool Grokfast>
static void updateRange(const UpdateScalars& s, const Layer& layer, const float* gradient, size_t first,
                        size_t count) {
  for (size_t i = first; i < first + count; i += lanes) {
    const V w = load(layer.weights + i);
    V g = load(gradient + i);
    if constexpr (Grokfast) g = grokfast(s, g, layer.average + i);
    if constexpr (Adamw)
      store(layer.weights + i, adamw(s, w, g, layer.first + i, layer.second + i));
    else
      store(layer.weights + i, sgd(s, w, g));
  }
}

// Updates `count` weights of a layer, a multiple of 16, from `first` on.
static inline void updateArray(const Trainer& t, const UpdateScalars& s, const Layer& layer,
                               const float* gradient, size_t first, size_t count) {
  if (t.optimizer == Optimizer::adamw)
    t.grokfast ? updateRange<true, true>(s, layer, gradient, first, count)
               : updateRange<true, false>(s, layer, gradient, first, count);
  else
    t.grokfast ? updateRange<false, true>(s, layer, gradient, first, count)
               : updateRange<false, false>(s, layer, gradient, first, count);
}

// Sum of squares of n floats (n a multiple of 16). In float32 where it is safe from overflow and underflow,
// else exact.
static inline double squares(const float* a, size_t n) {
  Block s = splatBlock(0.f);
  for (size_t i = 0; i < n; i += 16) s = map([](V c, V x) { return fma(x, x, c); }, s, loadBlock(a + i));
  const float fast = sum(s);
  if (fast > 1e-25f && fast < 1e35f) return fast;
  double slow = 0;
  for (size_t i = 0; i < n; i++) slow += (double)a[i] * a[i];
  return slow;
}

// The last block's lanes beyond M hold no neuron: their gradients are not the network's.
static inline void clearLanesBeyondWidth(const Trainer& t, int32_t block, float* a) {
  const int32_t used = t.width - block * 16;
  if (used < 16)
    for (int32_t j = 0; j < t.modulus; j++)
      for (int32_t lane = used; lane < 16; lane++) a[j * 16 + lane] = 0;
}

// theta of a block by neurons, 0 beyond p.
static inline void refreshTable(const float* theta, int32_t p, float* table) {
  for (int32_t j = 0; j < tableSize; j += lanes) {
    V r[lanes];
    UNROLL for (int k = 0; k < lanes; k++) r[k] = j + k < p ? load(theta + (j + k) * 16) : splat(0.f);
    transpose(r);
    UNROLL for (int k = 0; k < lanes; k++) store(table + k * tableSize + j, r[k]);
  }
}

// Refreshes what is kept beside the weights of a block.
static inline void weightsChanged(Trainer& t, int32_t block) {
  const size_t offset = (size_t)block * t.blockSize();
  if (tableSize > 0 && t.modulus <= tableSize)
    refreshTable(t.now.theta.weights + offset, t.modulus, t.thetaTable + (size_t)block * 16 * tableSize);
  const float* xi = t.now.xi.weights + offset;
  const double inner =
      t.dimension ? squares(t.now.projection.weights + (size_t)block * t.projectionSize(), t.projectionSize())
                  : squares(t.now.theta.weights + offset, t.blockSize());
  t.parameterSquares[block] = inner + squares(xi, t.blockSize());
}

}  // namespace grokbox::KERNEL_NAMESPACE
