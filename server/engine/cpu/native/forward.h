// Logits of groups of sixteen pairs: f[j][u] = sum_m xi[m][j] h[m][u], h[m][u] = sigma(theta_m[x_u] + theta_m[y_u]).
// The lanes are pairs.
//
// Neurons are taken in chunks: a chunk's weights stay in the first-level cache while all groups of a batch pass over
// them, and each chunk's sum is rounded by itself before it is added, so a wide network loses no more than a narrow one.
// Chunks are taken in sections: a section's weights stay in the second-level cache while all of a thread's groups pass over
// them.
#pragma once
#include "activation.h"
#include "product.h"
#include "trainer.h"

namespace grokbox::KERNEL_NAMESPACE {

constexpr int chunkNeurons = 64, chunkBlocks = chunkNeurons / 16;
constexpr int batchGroups = 3;
constexpr int sectionBytes = 512 << 10;

// At least a chunk, and whole ones.
static inline int32_t sectionBlocks(const Trainer& t) {
  const int32_t fit = sectionBytes / (2 * t.blockSize() * (int32_t)sizeof(float)) / chunkBlocks;
  return (fit < 1 ? 1 : fit) * chunkBlocks;
}

// hidden[m][16] of the sixteen neurons of a block: theta has neurons in its lanes, so the sums are transposed.
template <class A>
static void hiddenOfGroup(const float* theta, const PairGroup& pairs, float* hidden) {
  UNROLL for (int u = 0; u < 16; u += lanes) UNROLL for (int v = 0; v < 16; v += lanes) {
    V z[lanes];
    UNROLL for (int k = 0; k < lanes; k++) z[k] = load(theta + pairs.x[u + k] + v) + load(theta + pairs.y[u + k] + v);
    transpose(z);
    UNROLL for (int k = 0; k < lanes; k++) store(hidden + (v + k) * 16 + u, A::slopeIsStep ? A::value(z[k]) : z[k]);
  }
  // The others are too long to be repeated sixteen times.
  if constexpr (!A::slopeIsStep)
    for (int i = 0; i < 16 * 16; i += lanes) store(hidden + i, A::value(load(hidden + i)));
}

// The same of `neurons` neurons, whose rows of theta are tables.
template <class A>
static void hiddenFromTable(const float* table, int32_t neurons, const PairGroup& pairs, float* hidden) {
  const VI x = loadInt(pairs.x) >> 4, y = loadInt(pairs.y) >> 4;
  for (int32_t m = 0; m < neurons; m++, table += tableSize, hidden += 16) {
    const V low = load(table), high = load(table + lanes);
    store(hidden, A::value(lookUp(low, high, x) + lookUp(low, high, y)));
  }
}

// hidden[m][16] of `blocks` blocks from `block` on.
template <class A>
static void hiddenOfChunk(const Trainer& t, int32_t block, int32_t blocks, const PairGroup& pairs, float* hidden) {
  if (tableSize > 0 && t.modulus <= tableSize)
    return hiddenFromTable<A>(t.thetaTable + (size_t)block * 16 * tableSize, blocks * 16, pairs, hidden);
  const float* theta = t.now.theta.weights + (size_t)block * t.blockSize();
  for (int32_t b = 0; b < blocks; b++) hiddenOfGroup<A>(theta + b * t.blockSize(), pairs, hidden + b * 16 * 16);
}

// Adds what the neuron blocks [begin, end) give to the logits of `count` groups from `first` on, at most batchGroups; the first
// block's are the first. `hidden` has room for a chunk of each.
template <class A>
static void addLogits(Trainer& t, int32_t begin, int32_t end, int32_t first, int32_t count, float* hidden) {
  const int32_t size = t.blockSize();
  for (int32_t b = begin; b < end; b += chunkBlocks) {
    const int32_t blocks = end - b < chunkBlocks ? end - b : chunkBlocks;
    const float* xi = t.now.xi.weights + (size_t)b * size;
    for (int32_t g = 0; g < count; g++)
      hiddenOfChunk<A>(t, b, blocks, t.group[first + g], hidden + g * chunkNeurons * 16);
    forEachTile(t.modulus, [&](int32_t j, auto outputs) {
      for (int32_t g = 0; g < count; g++)
        for (int v = 0; v < 16; v += tileVectors * lanes)
          productTile<decltype(outputs)::value, true>(xi + j * 16, size, hidden + g * chunkNeurons * 16 + v, blocks * 16,
                                                      t.logits + (size_t)(first + g) * size + j * 16 + v, b == 0);
    });
  }
}

}  // namespace grokbox::KERNEL_NAMESPACE
