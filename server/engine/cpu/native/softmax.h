// From logits to losses, counts of correct answers and the gradient of the training loss in the logits.
//
// A small loss is a small difference of large numbers unless it is written as log(1 + s), s the sum over the
// *other* logits of e^{f_j - f_label}. So the label is left out of the sum, and gets its own gradient,
// softmax - 1, as -s/(1+s).
#pragma once
#include "forward.h"

namespace grokbox::KERNEL_NAMESPACE {

// A row of logits in blocks of sixteen; at p = 199 thirteen of them.
constexpr int mostRowBlocks = 13;

// Entry e of a pair has loss base + log(1 + excess).
struct BatchLosses {
  alignas(64) float base[2][batchPairs], excess[2][batchPairs];
};

// e^{f_j - max f} in place of the row; the sum of all but the label's.
INLINE float othersSum(const float* row, int32_t rowBlocks, int32_t label) {
  Block s = splatBlock(0.f);
  for (int32_t b = 0; b < rowBlocks; b++) {
    const Block e = loadBlock(row + b * 16);
    UNROLL for (int i = 0; i < blockVectors; i++) {
      const VI lane = laneNumbers(i * lanes) + b * 16;
      s.v[i] += lane == splatInt(label) ? splat(0.f) : e.v[i];
    }
  }
  return sum(s);
}

static void softmaxOfPair(Trainer& t, int32_t u, int32_t r, float* row, int32_t rowBlocks,
                          BatchLosses& losses, UnitResult& result) {
  const Pair& pair = t.pair[u];
  const int32_t p = t.modulus;
  // Lanes beyond p take no part.
  float* end = row + (rowBlocks - 1) * 16;
  Block last = loadBlock(end);
  UNROLL for (int i = 0; i < blockVectors; i++) last.v[i] =
      laneNumbers(i * lanes) < splatInt(p - (rowBlocks - 1) * 16) ? last.v[i] : splat(-__builtin_inff());
  storeBlock(end, last);

  Block top = last;
  for (int32_t b = 0; b + 1 < rowBlocks; b++)
    top = map([](V x, V y) { return larger(y, x); }, top, loadBlock(row + b * 16));
  const float most = largest(top);
  int32_t answer = p;
  for (int32_t b = 0; b < rowBlocks && answer == p; b++)
    if (const uint32_t equal = equalLanes(loadBlock(row + b * 16), most))
      answer = b * 16 + __builtin_ctz(equal);

  float base[2] = {0, 0}, others[2] = {0, 0};
  for (int e = 0; e < 2; e++) base[e] = most - row[pair.label[e]];
  const V top1 = splat(most);
  for (int32_t b = 0; b < rowBlocks; b++)
    storeBlock(row + b * 16, map([&](V x) { return expNonPositive(x - top1); }, loadBlock(row + b * 16)));
  others[0] = othersSum(row, rowBlocks, pair.label[0]);
  others[1] = pair.label[1] == pair.label[0] ? others[0] : othersSum(row, rowBlocks, pair.label[1]);
  const float total = others[0] + row[pair.label[0]];
  for (int e = 0; e < 2; e++) {
    losses.base[e][r] = base[e];
    // The largest logit's own 1 is in `others` unless it is the label's. (0 > base: NaN goes the first way.)
    losses.excess[e][r] = base[e] > 0.f ? (others[e] - 1.f) + row[pair.label[e]] : others[e];
    if (pair.pairClass[e] != noEntry) result.correct[pair.pairClass[e]] += answer == pair.label[e];
  }

  if (u >= t.trainedPairs) return;
  const float count = (float)t.entries[0], weight = (float)pair.trained / count;
  float* gradient = t.logitGradient + (size_t)u * t.logitStride;
  const V scale = splat(pair.trained ? weight / total : 0.f);
  const int32_t whole = t.logitStride / 16;
  for (int32_t b = 0; b < whole; b++)
    storeBlock(gradient + b * 16, map([&](V x) { return x * scale; }, loadBlock(row + b * 16)));
  // Half a block more: the next row belongs to another thread, perhaps.
  if (t.logitStride % 16) {
    const Block g = map([&](V x) { return x * scale; }, loadBlock(row + whole * 16));
    alignas(64) float half[16];
    storeBlock(half, g);
    memcpy(gradient + whole * 16, half, 8 * sizeof(float));
  }
  if (pair.trained == 2 && pair.label[0] != pair.label[1]) {
    for (int e = 0; e < 2; e++) gradient[pair.label[e]] -= 1.f / count;
  } else if (pair.trained > 0) {
    const int e = pair.pairClass[0] < firstTestClass ? 0 : 1;
    gradient[pair.label[e]] = -weight * (others[e] / total);
  }
}

// Sums the losses of a batch, unit by unit.
static void sumLosses(const Trainer& t, int32_t firstPair, int32_t count, BatchLosses& losses,
                      UnitResult* unit) {
  for (int e = 0; e < 2; e++)
    for (int32_t r = 0; r < count; r += lanes) {
      float* x = losses.excess[e] + r;
      store(x, load(losses.base[e] + r) + log1p(load(x)));
    }
  for (int32_t r = 0; r < count; r++) {
    const Pair& pair = t.pair[firstPair + r];
    for (int e = 0; e < 2; e++) {
      if (pair.pairClass[e] == noEntry) continue;
      UnitResult& result = unit[r / unitPairs];
      (pair.pairClass[e] < firstTestClass ? result.trainLoss : result.testLoss) += losses.excess[e][r];
    }
  }
}

struct ForwardScratch {
  alignas(64) float hidden[batchPairs * chunkNeurons];
  alignas(64) float logits[batchPairs * mostRowBlocks * 16];
  BatchLosses losses;
};

template <class A>
static void forwardUnits(Trainer& t, Share units, ForwardScratch& scratch) {
  const int32_t rowBlocks = (t.modulus + 15) / 16, stride = rowBlocks * 16, end = units.last * unitPairs;
  for (int32_t u = units.first * unitPairs; u < end; u += batchPairs) {
    const int32_t count = end - u < batchPairs ? end - u : batchPairs;
    UnitResult* unit = t.unit + u / unitPairs;
    memset(unit, 0, count / unitPairs * sizeof(UnitResult));
    logitsOfBatch<A>(t, u, count, scratch.hidden, scratch.logits, stride);
    for (int32_t r = 0; r < count; r++)
      softmaxOfPair(t, u + r, r, scratch.logits + (size_t)r * stride, rowBlocks, scratch.losses,
                    unit[r / unitPairs]);
    sumLosses(t, u, count, scratch.losses, unit);
  }
}

static inline void forward(Trainer& t, Share units, ForwardScratch& scratch) {
  withActivation(t.activation, [&](auto a) { forwardUnits<decltype(a)>(t, units, scratch); });
}

}  // namespace grokbox::KERNEL_NAMESPACE
