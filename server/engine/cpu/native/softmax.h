// From logits to losses, counts of correct answers and the gradient of the training loss in the logits. The lanes are
// pairs.
//
// A small loss is a small difference of large numbers unless it is written as log(1 + s), s the sum over the
// *other* logits of e^{f_j - f_label}. So the label is left out of the sum, and gets its own gradient,
// softmax - 1, as -s/(1+s).
#pragma once
#include "forward.h"

namespace grokbox::KERNEL_NAMESPACE {

// Of the sixteen pairs of a group: the index of the largest logit, and each entry's loss.
struct Answers {
  alignas(64) int32_t answer[16];
  alignas(64) float loss[2][16];
};

// What an entry's loss and gradient are made of.
struct EntrySums {
  VI label;
  V logit, term, others;  // f_label; e^{f_label - max f}; the sum of the other terms
};

// A vector of pairs, whose logits are `f`, [j][16]; where some of them train they become their gradient. With one label both
// entries of a pair have the same sums.
template <bool TwoLabels>
static void softmaxOfPairs(const PairGroup& group, int first, int32_t p, float* f, bool isTrained, Answers& answers) {
  constexpr int entries = TwoLabels ? 2 : 1;
  EntrySums entry[entries];
  for (int e = 0; e < entries; e++) {
    entry[e].label = loadInt(group.label[e] + first);
    entry[e].logit = entry[e].term = entry[e].others = splat(0.f);
  }
  V top = load(f);
  VI answer = splatInt(0);
  for (int32_t j = 0; j < p; j++) {
    const V x = load(f + j * 16);
    const VI larger = x > top;
    top = larger ? x : top;
    answer = larger ? splatInt(j) : answer;
    for (EntrySums& s : entry) s.logit = s.label == splatInt(j) ? x : s.logit;
  }
  for (int32_t j = 0; j < p; j++) {
    const V term = expNonPositive(load(f + j * 16) - top);
    store(f + j * 16, term);
    for (EntrySums& s : entry) {
      const VI isLabel = s.label == splatInt(j);
      s.others = isLabel ? s.others : s.others + term;
      s.term = isLabel ? term : s.term;
    }
  }
  storeInt(answers.answer + first, answer);
  for (int e = 0; e < 2; e++) {
    const EntrySums& s = entry[e % entries];
    const V base = top - s.logit;
    // The largest logit's own 1 is among the others unless it is the label's. (0 > base: NaN goes the first way.)
    const V excess = base > splat(0.f) ? (s.others - splat(1.f)) + s.term : s.others;
    store(answers.loss[e] + first, base + log1p(excess));
  }

  if (!isTrained) return;
  const V total = entry[0].others + entry[0].term, weight = load(group.weight + first);
  const VI target = loadInt(group.target + first);
  V targetOthers = entry[0].others;
  if constexpr (TwoLabels) targetOthers = target == entry[1].label ? entry[1].others : targetOthers;
  const V scale = weight / total, targetGradient = -weight * (targetOthers / total);
  for (int32_t j = 0; j < p; j++)
    store(f + j * 16, target == splatInt(j) ? targetGradient : load(f + j * 16) * scale);
}

// Counts and sums what sixteen pairs have.
static void addAnswers(const PairGroup& group, const Answers& answers, GroupResult& result) {
  result = {};
  for (int u = 0; u < 16; u++)
    for (int e = 0; e < 2; e++) {
      const uint8_t c = group.pairClass[e][u];
      if (c == noEntry) continue;
      result.correct[c] += answers.answer[u] == group.label[e][u];
      (c < firstTestClass ? result.trainLoss : result.testLoss) += answers.loss[e][u];
    }
}

static void softmaxOfGroup(Trainer& t, int32_t g) {
  const PairGroup& group = t.group[g];
  float* f = t.logits + (size_t)g * t.blockSize();
  const bool isTrained = g < t.trainedGroups;
  Answers answers;
  for (int u = 0; u < 16; u += lanes)
    group.hasTwoLabels ? softmaxOfPairs<true>(group, u, t.modulus, f + u, isTrained, answers)
                       : softmaxOfPairs<false>(group, u, t.modulus, f + u, isTrained, answers);
  if (group.trainsTwoLabels)
    for (int u = 0; u < 16; u++)
      if (group.weight[u] > 0 && group.target[u] < 0)
        for (int e = 0; e < 2; e++) f[group.label[e][u] * 16 + u] -= 1.f / (float)t.entries[0];
  addAnswers(group, answers, t.result[g]);
}

struct ForwardScratch {
  alignas(64) float hidden[batchGroups * chunkNeurons * 16];
};

template <class A>
static void forwardGroups(Trainer& t, Share groups, ForwardScratch& scratch) {
  const int32_t section = sectionBlocks(t);
  for (int32_t b = 0; b < t.blocks; b += section) {
    const int32_t end = b + section < t.blocks ? b + section : t.blocks;
    for (int32_t g = groups.first; g < groups.last; g += batchGroups) {
      const int32_t count = groups.last - g < batchGroups ? groups.last - g : batchGroups;
      addLogits<A>(t, b, end, g, count, scratch.hidden);
      if (end == t.blocks)
        for (int32_t i = 0; i < count; i++) softmaxOfGroup(t, g + i);
    }
  }
}

static inline void forward(Trainer& t, Share groups, ForwardScratch& scratch) {
  withActivation(t.activation, [&](auto a) { forwardGroups<decltype(a)>(t, groups, scratch); });
}

}  // namespace grokbox::KERNEL_NAMESPACE
