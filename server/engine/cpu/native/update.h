// One optimizer update of one neuron block, and what follows from its new weights.
#pragma once
#include "trainer.h"

namespace grokbox::KERNEL_NAMESPACE {

// Scalars of the update that leaves step t; computed in float64 and rounded once.
struct UpdateScalars {
  float decay, rate, beta2, oneMinusBeta1, oneMinusBeta2, inverseRootCorrection2, epsilon, weightDecay;
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

// Refreshes what is kept beside the weights of a block.
static inline void weightsChanged(Trainer& t, int32_t block) {
  const size_t offset = (size_t)block * t.blockSize();
  const float* xi = t.now.xi + offset;
  float* rows = t.xiRows + (size_t)block * 16 * t.logitStride;
  for (int32_t j = 0; j < t.modulus; j++)
    for (int lane = 0; lane < 16; lane++) rows[lane * t.logitStride + j] = xi[j * 16 + lane];
  t.parameterSquares[block] = squares(t.now.theta + offset, t.blockSize()) + squares(xi, t.blockSize());
}

static inline void updateBlock(Trainer& t, int32_t block, const UpdateScalars& s) {
  const size_t offset = (size_t)block * t.blockSize();
  const auto update = [&](float* weights, const float* gradient, float* first, float* second) {
    for (int32_t i = 0; i < t.blockSize(); i += lanes) {
      const V w = load(weights + offset + i), g = load(gradient + offset + i);
      store(weights + offset + i, t.optimizer == Optimizer::adamw
                                      ? adamw(s, w, g, first + offset + i, second + offset + i)
                                      : sgd(s, w, g));
    }
  };
  update(t.now.theta, t.thetaGradient, t.now.thetaFirst, t.now.thetaSecond);
  update(t.now.xi, t.xiGradient, t.now.xiFirst, t.now.xiSecond);
  weightsChanged(t, block);
}

}  // namespace grokbox::KERNEL_NAMESPACE
