// The jobs of a trainer, as each thread of the pool runs them.
//
// Between jobs a trainer holds the gradient of its state. So a step is
//   update a thread's neuron blocks | forward a thread's pairs | backward a thread's neuron blocks
// with a barrier at each bar; and since the backward pass and the next update are of the same blocks, there
// is none between them: two barriers a step. Sums over threads are sums over units and blocks in their order,
// whoever computed them, so nothing depends on the number of threads.
//
// A trainer must be left at its last state with finite losses, which is known only after it has been left
// behind. It keeps a checkpoint some steps back, and repeats those steps.
#pragma once
#include "backward.h"
#include "barrier.h"
#include "softmax.h"
#include "spectral.h"
#include "update.h"

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
  for (int32_t i = 0; i < t.units(); i++) {
    r.train += t.unit[i].trainLoss;
    r.test += t.unit[i].testLoss;
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
  const Share blocks, units;
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
        units(t.units(), thread, job.barrier.threads) {}

  bool leads() const { return thread == 0; }
  void meet() { wait(job.barrier); }

  double& trace(Column column, int32_t row) { return job.trace[(size_t)column * job.traceRows + row]; }

  void traceState(int32_t row, const Losses& losses) {
    trace(Column::trainLoss, row) = losses.train;
    trace(Column::testLoss, row) = losses.test;
    for (int c = 0; c < pairClasses; c++) {
      int64_t correct = 0;
      for (int32_t i = 0; i < t.units(); i++) correct += t.unit[i].correct[c];
      trace((Column)(Column::correctCommon + c), row) = (double)correct;
    }
  }
  // The squares of a state are all there when its update is over, those of its gradient when its backward
  // pass is; both are overwritten by the next update.
  void traceParameters(int32_t row) {
    trace(Column::parameterNorm, row) = norm(t.parameterSquares, t.blocks);
  }
  void traceGradient(int32_t row) { trace(Column::gradientNorm, row) = norm(t.gradientSquares, t.blocks); }

  // Like the gradient's squares, a state's spectral sums are whole from the barrier after its backward pass
  // to the next one.
  void averageMeasures() {
    if (averaged < measured) meanMeasures(t, job.measures + measureColumns * averaged++);
  }

  // --- A thread's own neuron blocks

  void update(int32_t first, int32_t last, double step) {
    const UpdateScalars s = scalarsAt(t, step);
    for (int32_t b = first; b < last; b++) updateBlock(t, b, s);
  }

  void backward(int32_t b) {
    withActivation(t.activation, [&](auto a) { backwardBlock<decltype(a)>(t, b, scratch.backward); });
    const size_t offset = (size_t)b * t.blockSize();
    clearLanesBeyondWidth(t, b, t.thetaGradient + offset);
    clearLanesBeyondWidth(t, b, t.xiGradient + offset);
    t.gradientSquares[b] =
        squares(t.thetaGradient + offset, t.blockSize()) + squares(t.xiGradient + offset, t.blockSize());
  }

  void copy(const Parameters& to, const Parameters& from) {
    const size_t offset = (size_t)blocks.first * t.blockSize(),
                 bytes = (size_t)(blocks.last - blocks.first) * t.blockSize() * sizeof(float);
    const auto one = [&](float* a, const float* b) {
      if (a) memcpy(a + offset, b + offset, bytes);
    };
    one(to.theta, from.theta), one(to.thetaFirst, from.thetaFirst), one(to.thetaSecond, from.thetaSecond);
    one(to.xi, from.xi), one(to.xiFirst, from.xiFirst), one(to.xiSecond, from.xiSecond);
  }

  // Between row-major [M, p] and blocks; `rows` null stands for zeros.
  template <bool In>
  void exchange(float* blocked, float* rows) {
    if (!blocked || (!In && !rows)) return;
    for (int32_t b = blocks.first; b < blocks.last; b++)
      for (int lane = 0; lane < 16; lane++)
        for (int32_t m = b * 16 + lane, j = 0; j < t.modulus; j++) {
          float& inside = blocked[(size_t)b * t.blockSize() + j * 16 + lane];
          if constexpr (In)
            inside = rows && m < t.width ? rows[(size_t)m * t.modulus + j] : 0.f;
          else if (m < t.width)
            rows[(size_t)m * t.modulus + j] = inside;
        }
  }
  template <bool In>
  void exchangeWeights() {
    exchange<In>(t.now.theta, job.state.theta);
    exchange<In>(t.now.xi, job.state.xi);
  }
  template <bool In>
  void exchangeMoments() {
    exchange<In>(t.now.thetaFirst, job.state.thetaFirst);
    exchange<In>(t.now.thetaSecond, job.state.thetaSecond);
    exchange<In>(t.now.xiFirst, job.state.xiFirst);
    exchange<In>(t.now.xiSecond, job.state.xiSecond);
  }

  // Copies this thread's part of the weights out when the host wants those of the state after `made` updates.
  // Nobody changes them before this thread's own next update.
  void capture(int32_t made) {
    if (captured == job.captureCount || job.captures[captured] != made) return;
    const size_t offset = (size_t)captured++ * t.width * t.modulus;
    exchange<false>(t.now.theta, job.state.theta + offset);
    exchange<false>(t.now.xi, job.state.xi + offset);
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
    for (int32_t b = blocks.first; b < blocks.last; b++) weightsChanged(t, b);
    meet();
    forward(t, units, scratch.forward);
    meet();
    const Losses losses = lossesOf(t);
    for (int32_t b = blocks.first; b < blocks.last; b++) backward(b);
    return losses;
  }

  void load() {
    exchangeWeights<true>();
    exchangeMoments<true>();
    copy(t.checkpoint, t.now);
    const Losses losses = evaluate();
    meet();
    if (!leads()) return;
    t.step = t.checkpointStep = job.step;
    traceState(0, losses);
    traceParameters(0);
    traceGradient(0);
  }

  // Up to `steps` updates from `step`, whose gradient is at hand; returns how many led to finite losses. When
  // that is fewer than `steps` and `diverged` is set, the state is one update too far and without a gradient.
  int32_t run(double step, int32_t steps, bool tracing, bool& diverged) {
    double checkpointStep = t.checkpointStep;
    int32_t made = 0;
    update(blocks.first, blocks.last, step);
    for (bool last = false; !last;) {
      meet();
      if (leads() && tracing) {
        if (made > 0) traceGradient(made - 1);
        averageMeasures();
        traceParameters(made);
      }
      forward(t, units, scratch.forward);
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
        if (!last) updateBlock(t, b, s);
      }
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
    exchangeWeights<false>();
    exchangeMoments<false>();
    if (leads()) job.step = t.step;
  }

  void measure() {
    measureBlocks();
    meet();
    if (leads()) averageMeasures();
  }
};

}  // namespace grokbox::KERNEL_NAMESPACE
