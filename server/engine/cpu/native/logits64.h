// Logits of given weights in float64, for analysis: [p(p+1)/2, p] over the pairs x <= y in lexicographic
// order. The same shape as the forward pass of training: chunks of neurons, batches of pairs, tiles of rows
// by vectors of logits.
#pragma once
#include "functions64.h"
#include "tiles.h"
#include "trainer.h"

namespace grokbox::KERNEL_NAMESPACE {

constexpr int rows64 = 4, neurons64 = 96, batch64 = 64, mostLogits64 = 208;

struct LogitsScratch {
  alignas(64) double xi[neurons64 * mostLogits64];
  alignas(64) double hidden[batch64 * neurons64];
  alignas(64) double sums[batch64 * mostLogits64];
  uint8_t x[batch64], y[batch64];
};
static_assert(sizeof(LogitsScratch) <= logitsScratchBytes);

template <int Vectors>
NOINLINE void logitsTile64(const double* __restrict hidden, const double* __restrict xi, int32_t stride,
                           int32_t neurons, double* __restrict out) {
  D sums[rows64][Vectors];
  UNROLL for (int r = 0; r < rows64; r++) UNROLL for (int v = 0; v < Vectors; v++) sums[r][v] =
      loadDouble(out + r * stride + v * lanes64);
  for (int32_t m = 0; m < neurons; m++) {
    D x[Vectors];
    UNROLL for (int v = 0; v < Vectors; v++) x[v] = loadDouble(xi + (size_t)m * stride + v * lanes64);
    UNROLL for (int r = 0; r < rows64; r++) {
      const D h = splatDouble(hidden[r * neurons64 + m]);
      UNROLL for (int v = 0; v < Vectors; v++) sums[r][v] = fmaDouble(h, x[v], sums[r][v]);
    }
  }
  UNROLL for (int r = 0; r < rows64; r++) UNROLL for (int v = 0; v < Vectors; v++)
      storeDouble(out + r * stride + v * lanes64, sums[r][v]);
}

template <class T>
static void logitsOfBatch64(const Job& job, int32_t first, int32_t count, LogitsScratch& s) {
  const T *theta = (const T*)job.theta, *xi = (const T*)job.xi;
  const int32_t p = job.modulus, stride = roundUp(p, 8), padded = roundUp(count, rows64);
  memset(s.sums, 0, (size_t)padded * stride * sizeof(double));
  for (int32_t m0 = 0; m0 < job.width; m0 += neurons64) {
    const int32_t neurons = job.width - m0 < neurons64 ? job.width - m0 : neurons64;
    for (int32_t m = 0; m < neurons; m++) {
      const T *row = theta + (size_t)(m0 + m) * p, *out = xi + (size_t)(m0 + m) * p;
      for (int32_t j = 0; j < p; j++) s.xi[m * stride + j] = out[j];
      for (int32_t j = p; j < stride; j++) s.xi[m * stride + j] = 0;
      double z[batch64], h[batch64];
      for (int32_t r = 0; r < padded; r++) z[r] = (double)row[s.x[r]] + (double)row[s.y[r]];
      activate64(job.activation, z, h, padded);
      for (int32_t r = 0; r < padded; r++) s.hidden[r * neurons64 + m] = h[r];
    }
    constexpr int most = lanes == 16 ? 4 : 3;
    for (int32_t r = 0; r < padded; r += rows64)
      forBalancedTiles(stride / lanes64, most, [&](int32_t v, int32_t vectors) {
        withConstant<most>(vectors, [&](auto n) {
          logitsTile64<decltype(n)::value>(s.hidden + r * neurons64, s.xi + v * lanes64, stride, neurons,
                                           s.sums + r * stride + v * lanes64);
        });
      });
  }
  for (int32_t r = 0; r < count; r++)
    memcpy(job.logits + (size_t)(first + r) * p, s.sums + r * stride, p * sizeof(double));
}

static inline void logits(const Job& job, int32_t thread, LogitsScratch& s) {
  const int32_t p = job.modulus, pairs = p * (p + 1) / 2;
  const Share batches((pairs + batch64 - 1) / batch64, thread, job.barrier.threads);
  int32_t u = 0, begin = batches.first * batch64;
  const int32_t end = batches.last * batch64 < pairs ? batches.last * batch64 : pairs;
  memset(s.x, 0, sizeof s.x), memset(s.y, 0, sizeof s.y);
  for (int32_t x = 0; x < p; x++)
    for (int32_t y = x; y < p; y++, u++) {
      if (u < begin || u >= end) continue;
      s.x[u - begin] = (uint8_t)x, s.y[u - begin] = (uint8_t)y;
      if (u - begin + 1 < batch64 && u + 1 < end) continue;
      const auto batch = job.weightsAreDouble ? logitsOfBatch64<double> : logitsOfBatch64<float>;
      batch(job, begin, u - begin + 1, s);
      begin = u + 1;
    }
}

}  // namespace grokbox::KERNEL_NAMESPACE
