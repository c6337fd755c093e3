// The jobs of a trainer, as each thread of the pool runs them.
//
// Between jobs a trainer holds the gradient of its state. So a step is
//   update a thread's neuron blocks | forward a thread's pairs | backward a thread's neuron blocks
// with a barrier at each bar; and since the backward pass and the next update are of the same blocks, there
// is none between them: two barriers a step. Sums over threads are sums over groups and blocks in their order,
// whoever computed them, so nothing depends on the number of threads.
//
// A trainer must be left at its last state with finite losses, which is known only after it has been left
// behind. It keeps a checkpoint some steps back, and repeats those steps.
//
// With a learned embedding the gradient of W_E is a sum over all blocks, and theta a product with all of W_E.
// So there are two barriers more, and W_E is shared out by rows:
//   update rows of W_E | update blocks | forward pairs | backward blocks | gradient of rows of W_E
#pragma once
#include "barrier.h"
#include "embedding.h"
#include "softmax.h"
#include "spectral.h"

namespace grokbox::KERNEL_NAMESPACE {

union TrainScratch {
  ForwardScratch forward;
  BackwardScratch backward;
  SpectralScratch spectral;
};
static_assert(sizeof(TrainScratch) <= trainScratchBytes);

struct Losses {
  double train = 0, test = 0;
  bool finite;
};

// Every thread computes them for itself: all come to the same bits and the same decision, without another
// barrier.
static inline Losses lossesOf(const Trainer& t) {
  Losses r;
  for (int32_t i = 0; i < t.groups; i++) {
    r.train += t.result[i].trainLoss;
    r.test += t.result[i].testLoss;
  }
  // An empty set has no loss: 0/0.
  r.finite = __builtin_isfinite(r.train) && __builtin_isfinite(r.test);
  r.train /= t.entries[0];
  r.test /= t.entries[1];
  return r;
}

static inline double norm(const double* squares, int32_t n) {
  double s = 0;
  for (int32_t i = 0; i < n; i++) s += squares[i];
  return __builtin_sqrt(s);
}

struct Worker {
  Job& job;
  Trainer& t;
  const int32_t thread;
  TrainScratch& scratch;
  const Share blocks, groups;
  const Share rows;  // of the embedding
  // Copies made of the weights.
  int32_t captured = 0;
  // States whose measures this thread's blocks have been summed for, and those of which the leader has the
  // means.
  int32_t measured = 0, averaged = 0;

  Worker(Job& job, int32_t thread, void* scratch)
      : job(job),
        t(*job.trainer),
        thread(thread),
        scratch(*(TrainScratch*)scratch),
        blocks(t.blocks, thread, job.barrier.threads),
        groups(t.groups, thread, job.barrier.threads),
        rows(t.dimension, thread, job.barrier.threads) {}

  bool leads() const { return thread == 0; }
  void meet() { wait(job.barrier); }

  double& trace(Column column, int32_t row) { return job.trace[(size_t)column * job.traceRows + row]; }

  void traceState(int32_t row, const Losses& losses) {
    trace(Column::trainLoss, row) = losses.train;
    trace(Column::testLoss, row) = losses.test;
    for (int c = 0; c < pairClasses; c++) {
      int64_t correct = 0;
      for (int32_t i = 0; i < t.groups; i++) correct += t.result[i].correct[c];
      trace((Column)(Column::correctCommon + c), row) = (double)correct;
    }
  }
  // The squares of a state are all there when its update is over, those of its gradient when its backward
  // pass is; both are overwritten by the next update.
  void traceParameters(int32_t row) {
    trace(Column::parameterNorm, row) = norm(t.parameterSquares, t.blocks + t.dimension);
  }
  void traceGradient(int32_t row) {
    trace(Column::gradientNorm, row) = norm(t.gradientSquares, t.blocks + t.dimension);
  }

  // Like the gradient's squares, a state's spectral sums are whole from the barrier after its backward pass
  // to the next one.
  void averageMeasures() {
    if (averaged < measured) meanMeasures(t, job.measures + measureColumns * averaged++);
  }

  // --- A thread's own neuron blocks and rows of the embedding

  void update(const UpdateScalars& s) {
    if (t.dimension) {
      updateEmbedding(t, rows.first, rows.last, s);
      meet();
    }
    for (int32_t b = blocks.first; b < blocks.last; b++) updateBlock(t, b, s);
  }

  void backward(int32_t b) {
    withActivation(t.activation, [&](auto a) { backwardBlock<decltype(a)>(t, b, scratch.backward); });
    const size_t offset = (size_t)b * t.blockSize();
    clearLanesBeyondWidth(t, b, t.thetaGradient + offset);
    clearLanesBeyondWidth(t, b, t.xiGradient + offset);
    double inner;
    if (t.dimension) {
      projectionGradient(t, b);
      inner = squares(t.projectionGradient + (size_t)b * t.projectionSize(), t.projectionSize());
    } else {
      inner = squares(t.thetaGradient + offset, t.blockSize());
    }
    t.gradientSquares[b] = inner + squares(t.xiGradient + offset, t.blockSize());
  }

  // The rest of a state's gradient, after the backward pass of this thread's blocks.
  void finishGradient() {
    if (!t.dimension) return;
    meet();
    embeddingGradient(t, rows.first, rows.last);
  }

  void copy(const State& to, const State& from) {
    const auto part = [](const Layer& a, const Layer& b, const Share& share, size_t size) {
      const size_t offset = share.first * size, bytes = (share.last - share.first) * size * sizeof(float);
      const auto one = [&](float* to, const float* from) {
        if (to) memcpy(to + offset, from + offset, bytes);
      };
      one(a.weights, b.weights), one(a.first, b.first), one(a.second, b.second), one(a.average, b.average);
    };
    part(to.theta, from.theta, blocks, t.blockSize());
    part(to.xi, from.xi, blocks, t.blockSize());
    part(to.projection, from.projection, blocks, t.projectionSize());
    part(to.embedding, from.embedding, rows, t.embeddingStride);
  }

  // Between row-major [M, columns] and blocks; `rows` null stands for zeros.
  template <bool In>
  void exchangeBlocks(float* blocked, float* rows, int32_t columns) {
    if (!blocked || (!In && !rows)) return;
    for (int32_t b = blocks.first; b < blocks.last; b++)
      for (int lane = 0; lane < 16; lane++)
        for (int32_t m = b * 16 + lane, j = 0; j < columns; j++) {
          float& inside = blocked[((size_t)b * columns + j) * 16 + lane];
          if constexpr (In)
            inside = rows && m < t.width ? rows[(size_t)m * columns + j] : 0.f;
          else if (m < t.width)
            rows[(size_t)m * columns + j] = inside;
        }
  }
  // Between [d, p] and padded rows.
  template <bool In>
  void exchangeRows(float* padded, float* rows) {
    if (!padded || (!In && !rows)) return;
    for (int32_t e = this->rows.first; e < this->rows.last; e++)
      for (int32_t j = 0; j < t.modulus; j++) {
        float& inside = padded[(size_t)e * t.embeddingStride + j];
        if constexpr (In)
          inside = rows ? rows[(size_t)e * t.modulus + j] : 0.f;
        else
          rows[(size_t)e * t.modulus + j] = inside;
      }
  }
  template <bool In>
  void exchangeState() {
    const auto each = [](const Layer& ours, const Layer& host, auto exchange) {
      exchange(ours.weights, host.weights), exchange(ours.first, host.first);
      exchange(ours.second, host.second), exchange(ours.average, host.average);
    };
    const auto blocksOf = [&](int32_t columns) {
      return [this, columns](float* ours, float* host) { exchangeBlocks<In>(ours, host, columns); };
    };
    each(t.now.theta, job.state.theta, blocksOf(t.modulus));
    each(t.now.xi, job.state.xi, blocksOf(t.modulus));
    each(t.now.projection, job.state.projection, blocksOf(t.dimension));
    each(t.now.embedding, job.state.embedding,
         [this](float* ours, float* host) { exchangeRows<In>(ours, host); });
  }

  // Copies this thread's part of the weights out when the host wants those of the state after `made` updates.
  // Nobody changes them before this thread's own next update.
  void capture(int32_t made) {
    if (captured == job.captureCount || job.captures[captured] != made) return;
    const size_t offset = (size_t)captured++ * t.width * t.modulus;
    exchangeBlocks<false>(t.now.theta.weights, job.state.theta.weights + offset, t.modulus);
    exchangeBlocks<false>(t.now.xi.weights, job.state.xi.weights + offset, t.modulus);
  }

  void measureBlocks() {
    for (int32_t b = blocks.first; b < blocks.last; b++) measureBlock(t, b, scratch.spectral);
    measured++;
  }
  // As `capture`, for the measures.
  void measureAfter(int32_t made) {
    if (measured < job.measureCount && job.measureAt[measured] == made) measureBlocks();
  }

  // --- Jobs

  // From weights just set, everything else that a trainer holds.
  Losses evaluate() {
    if (t.dimension) {
      embeddingChanged(t, rows.first, rows.last);
      meet();
      for (int32_t b = blocks.first; b < blocks.last; b++) projectBlock(t, b);
    }
    for (int32_t b = blocks.first; b < blocks.last; b++) weightsChanged(t, b);
    meet();
    forward(t, groups, scratch.forward);
    meet();
    const Losses losses = lossesOf(t);
    for (int32_t b = blocks.first; b < blocks.last; b++) backward(b);
    finishGradient();
    return losses;
  }

  void load() {
    exchangeState<true>();
    copy(t.checkpoint, t.now);
    const Losses losses = evaluate();
    meet();
    if (!leads()) return;
    t.step = t.checkpointStep = job.step;
    t.averageFrom = job.state.xi.average ? -1 : job.step;
    traceState(0, losses);
    traceParameters(0);
    traceGradient(0);
  }

  // Up to `steps` updates from `step`, whose gradient is at hand; returns how many led to finite losses. When
  // that is fewer than `steps` and `diverged` is set, the state is one update too far and without a gradient.
  int32_t run(double step, int32_t steps, bool tracing, bool& diverged) {
    double checkpointStep = t.checkpointStep;
    int32_t made = 0;
    update(scalarsAt(t, step));
    for (bool last = false; !last;) {
      meet();
      if (leads() && tracing) {
        if (made > 0) traceGradient(made - 1);
        averageMeasures();
        traceParameters(made);
      }
      forward(t, groups, scratch.forward);
      if (leads()) t.stopAgreed = tracing && __atomic_load_n(&t.stop, __ATOMIC_RELAXED);
      meet();
      const Losses losses = lossesOf(t);
      diverged = !losses.finite;
      if (diverged) break;
      if (leads() && tracing) traceState(made, losses);
      made++;
      step++;
      if (tracing) capture(made), measureAfter(made);
      last = made == steps || t.stopAgreed;
      if (step - checkpointStep >= t.checkpointEvery) {
        copy(t.checkpoint, t.now);
        checkpointStep = step;
      }
      const UpdateScalars s = scalarsAt(t, step);
      for (int32_t b = blocks.first; b < blocks.last; b++) {
        backward(b);
        if (!last && !t.dimension) updateBlock(t, b, s);
      }
      finishGradient();
      if (!last && t.dimension) update(s);
    }
    meet();
    if (leads()) {
      t.checkpointStep = checkpointStep;
      t.step = step;
      if (tracing && made > 0 && !diverged) traceGradient(made - 1);
      if (tracing) averageMeasures();
    }
    return made;
  }

  void advance() {
    bool diverged = false;
    const int32_t made = run(t.step, job.steps, true, diverged);
    if (diverged) {
      meet();
      const double target = t.step;
      copy(t.now, t.checkpoint);
      evaluate();
      meet();
      bool again;
      if (target > t.checkpointStep)
        run(t.checkpointStep, (int32_t)(target - t.checkpointStep), false, again);
      meet();
    }
    if (!leads()) return;
    job.made = made;
    job.diverged = diverged;
    job.step = t.step;
  }

  void read() {
    exchangeState<false>();
    if (leads()) job.step = t.step;
  }

  void measure() {
    measureBlocks();
    meet();
    if (leads()) averageMeasures();
  }
};

}  // namespace grokbox::KERNEL_NAMESPACE
