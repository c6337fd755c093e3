// The memory of one trainer.
//
// Parameters, moments and gradients are kept in neuron blocks, [block, residue, 16 neurons]: the backward
// pass and the optimizer work on sixteen neurons at a time, and everything that a block needs then lies
// together. Lanes beyond M are zero in both layers and stay so.
//
// Pairs are unordered, in groups of sixteen, which the forward pass has in its lanes. Those with a training entry come
// first, so the backward pass ends before the others. Within either part they are ordered by y - x, so that neighbours
// share no residue and their contributions to the gradient of theta do not wait for each other.
#pragma once
#include "abi.h"
#include "trigonometry.h"
#include "vec.h"

namespace grokbox {

constexpr uint8_t noEntry = 255;
constexpr int pairClasses = 4;
// Classes below it are the training set.
constexpr int firstTestClass = 2;

// Sixteen unordered pairs and the up to two ordered pairs, its entries, that each stands for.
struct PairGroup {
  // Offsets of the two residues in a neuron block.
  alignas(64) int32_t x[16], y[16];
  int32_t label[2][16];
  // The label whose gradient is the softmax less 1: of the training entry, or of two that have the same. -1 for none.
  int32_t target[16];
  // Entries in the training set over all that are there.
  float weight[16];
  uint8_t pairClass[2][16];
  // Some pair has two labels, and some both of them in the training set.
  bool hasTwoLabels, trainsTwoLabels;
};

struct GroupResult {
  double trainLoss, testLoss;
  int32_t correct[pairClasses];
};

// Over the neurons of a block: rows with energy at any nonzero frequency, the sum of their participation
// ratios and that of their cosine fits, of theta and of xi; neurons with such rows in both, the only ones
// whose xi has a fit; neurons with a misalignment D and the sum of |sin D|.
struct SpectralSums {
  double rows[2], participation[2], fit[2];
  double both, neurons, misalignment;
};

struct Trainer {
  int32_t modulus, width;
  Activation activation;
  Optimizer optimizer;
  double learningRate, weightDecay, beta1, beta2, epsilon, warmupSteps;
  int32_t dimension;  // of the learned embedding; 0 without one
  int32_t grokfast;
  double alpha, lambda;

  int32_t blocks;        // of 16 neurons
  int32_t groups;           // of 16 pairs, the last one padded
  int32_t trainedGroups;    // the first ones, where all pairs with a training entry are
  int32_t entries[2];    // ordered pairs in train and test
  int32_t embeddingStride;  // of a row of W_E and of its gradient

  double step;
  State now, checkpoint;
  double checkpointStep;
  int32_t checkpointEvery;
  double averageFrom;  // the step at which averages are to begin; -1 when they had begun before
  int32_t stop;        // set from outside
  int32_t stopAgreed;  // the leader's reading of it, the same for all threads

  float *thetaGradient, *xiGradient, *projectionGradient, *embeddingGradient;
  float* embeddingColumns;  // [p, dimension]
  float* logits;            // [groups, p, 16]; of groups that train, after the softmax: the gradient in them
  float* thetaTable;        // [blocks * 16, tableSize], theta by neurons, where p is no larger; else null
  PairGroup* group;
  GroupResult* result;      // [groups]
  double *gradientSquares, *parameterSquares;  // [blocks + dimension]: of a block, of a row of the embedding
  SpectralSums* spectral;                      // [blocks]
  double *cosines, *sines;                     // of w_k j, k, j = 1..(p-1)/2: [K, K]

  // Always inlined: builds for several instruction sets share the name.
  __attribute__((always_inline)) int32_t blockSize() const { return modulus * 16; }
  __attribute__((always_inline)) int32_t projectionSize() const { return dimension * 16; }
};

}  // namespace grokbox

namespace grokbox::KERNEL_NAMESPACE {

static inline int32_t roundUp(int32_t n, int32_t multiple) {
  return (n + multiple - 1) / multiple * multiple;
}

// Hands out pieces of an arena, each on a cache line of its own; with no arena it only counts.
struct Carver {
  char* base;
  size_t used = 0;
  template <class T>
  T* take(size_t count) {
    T* p = base ? (T*)(base + used) : nullptr;
    used += (count * sizeof(T) + 63) / 64 * 64;
    return p;
  }
  Layer takeTrained(const Trainer& t, size_t count) {
    Layer r{take<float>(count), nullptr, nullptr, nullptr};
    if (t.optimizer == Optimizer::adamw) r.first = take<float>(count), r.second = take<float>(count);
    if (t.grokfast) r.average = take<float>(count);
    return r;
  }
  State takeState(const Trainer& t) {
    const size_t count = (size_t)t.blocks * t.blockSize();
    State r{};
    if (!t.dimension)
      r.theta = takeTrained(t, count);
    else {
      r.theta.weights = take<float>(count);
      r.projection = takeTrained(t, (size_t)t.blocks * t.projectionSize());
      r.embedding = takeTrained(t, (size_t)t.dimension * t.embeddingStride);
    }
    r.xi = takeTrained(t, count);
    return r;
  }
};

// Walks the unordered pairs by d = y - x mod p, 0 <= d <= (p-1)/2: each exactly once, since p is odd.
template <class F>
static inline void forEachPair(int32_t p, F f) {
  for (int32_t d = 0; d <= p / 2; d++)
    for (int32_t a = 0; a < p; a++) {
      const int32_t b = (a + d) % p;
      f(a < b ? a : b, a < b ? b : a);
    }
}

static inline int32_t trainedEntries(const Problem& problem, int32_t x, int32_t y) {
  const uint8_t* c = problem.classes;
  const int32_t p = problem.modulus;
  return (c[x * p + y] < firstTestClass) + (x != y && c[y * p + x] < firstTestClass);
}

// Lays the arena out. With base null, the result's pointers are null and only `used` counts.
static inline Trainer layOut(const Problem& problem, Carver& carver) {
  const int32_t p = problem.modulus;
  Trainer t{};
  t.modulus = p;
  t.width = problem.width;
  t.activation = problem.activation;
  t.optimizer = problem.optimizer;
  t.learningRate = problem.learningRate;
  t.weightDecay = problem.weightDecay;
  t.beta1 = problem.beta1;
  t.beta2 = problem.beta2;
  t.epsilon = problem.epsilon;
  t.warmupSteps = problem.warmupSteps;
  t.dimension = problem.dimension;
  t.grokfast = problem.grokfast;
  t.alpha = problem.alpha;
  t.lambda = problem.lambda;
  t.blocks = roundUp(problem.width, 16) / 16;
  t.groups = roundUp(p * (p + 1) / 2, 16) / 16;
  t.embeddingStride = roundUp(p, 16);
  int32_t trained = 0;
  forEachPair(p, [&](int32_t x, int32_t y) { trained += trainedEntries(problem, x, y) > 0; });
  t.trainedGroups = roundUp(trained, 16) / 16;
  // A copy of a state that no cache holds costs as much as some 400 pairs of a step: copy so seldom that it is about 1%, and so
  // often that few steps are made again.
  const int32_t seldom = roundUp(32768, t.groups * 16) / (t.groups * 16);
  t.checkpointEvery = seldom < 512 ? seldom : 512;

  carver.take<Trainer>(1);
  const size_t count = (size_t)t.blocks * t.blockSize();
  t.now = carver.takeState(t);
  t.checkpoint = carver.takeState(t);
  t.thetaGradient = carver.take<float>(count);
  t.xiGradient = carver.take<float>(count);
  t.projectionGradient = carver.take<float>((size_t)t.blocks * t.projectionSize());
  t.embeddingGradient = carver.take<float>((size_t)t.dimension * t.embeddingStride);
  t.embeddingColumns = carver.take<float>((size_t)t.dimension * p);
  if (p <= tableSize) t.thetaTable = carver.take<float>((size_t)t.blocks * 16 * tableSize);
  t.logits = carver.take<float>((size_t)t.groups * t.blockSize());
  t.group = carver.take<PairGroup>(t.groups);
  t.result = carver.take<GroupResult>(t.groups);
  t.gradientSquares = carver.take<double>(t.blocks + t.dimension);
  t.parameterSquares = carver.take<double>(t.blocks + t.dimension);
  t.spectral = carver.take<SpectralSums>(t.blocks);
  t.cosines = carver.take<double>((p / 2) * (p / 2));
  t.sines = carver.take<double>((p / 2) * (p / 2));
  return t;
}

static inline size_t trainerBytes(const Problem* problem) {
  Carver carver{nullptr};
  layOut(*problem, carver);
  return carver.used;
}

// As pair u of a group.
static inline void describePair(const Problem& problem, int32_t x, int32_t y, PairGroup& group, int32_t u) {
  const int32_t p = problem.modulus, entries[2] = {x * p + y, y * p + x};
  group.x[u] = x * 16, group.y[u] = y * 16;
  for (int e = 0; e < 2; e++) {
    group.label[e][u] = problem.labels[entries[e]];
    group.pairClass[e][u] = e == 1 && x == y ? noEntry : problem.classes[entries[e]];
  }
  const bool differ = group.label[0][u] != group.label[1][u];
  group.hasTwoLabels |= differ;
  const int32_t trained = trainedEntries(problem, x, y);
  group.weight[u] = (float)trained;
  if (trained == 2 && differ)
    group.trainsTwoLabels = true;
  else if (trained > 0)
    group.target[u] = group.label[group.pairClass[0][u] < firstTestClass ? 0 : 1][u];
}

static inline Trainer* createTrainer(void* arena, const Problem* problem) {
  Carver carver{(char*)arena};
  Trainer& t = *(Trainer*)arena;
  t = layOut(*problem, carver);
  // What pads the last group stands for no entry.
  for (int32_t g = 0; g < t.groups; g++) {
    PairGroup& group = t.group[g];
    group = {};
    for (int u = 0; u < 16; u++) group.target[u] = -1, group.pairClass[0][u] = group.pairClass[1][u] = noEntry;
  }
  int32_t next[2] = {0, 0};
  forEachPair(t.modulus, [&](int32_t x, int32_t y) { next[1] += trainedEntries(*problem, x, y) > 0; });
  forEachPair(t.modulus, [&](int32_t x, int32_t y) {
    const int32_t u = next[trainedEntries(*problem, x, y) == 0]++;
    PairGroup& group = t.group[u / 16];
    describePair(*problem, x, y, group, u % 16);
    for (int e = 0; e < 2; e++)
      if (const uint8_t c = group.pairClass[e][u % 16]; c != noEntry) t.entries[c >= firstTestClass]++;
  });
  for (int32_t g = 0; g < t.groups; g++)
    for (float& weight : t.group[g].weight) weight /= (float)t.entries[0];
  fillHalfBasis(t.modulus, t.cosines, t.sines);
  return &t;
}

// The part [first, last) of n things that falls to a thread.
struct Share {
  int32_t first, last;
  Share(int32_t n, int32_t thread, int32_t threads)
      : first((int32_t)((int64_t)n * thread / threads)),
        last((int32_t)((int64_t)n * (thread + 1) / threads)) {}
};

}  // namespace grokbox::KERNEL_NAMESPACE
