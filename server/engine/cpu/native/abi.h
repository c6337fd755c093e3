// What the host (Node-API addon or WebAssembly module) and a build of the kernel tell each other. Plain data
// only: the same layout whatever instruction set a translation unit is compiled for.
#pragma once
#include <stddef.h>
#include <stdint.h>

namespace grokbox {

// In the order of `activations` in model/spec.ts.
enum class Activation : int32_t { relu, gelu, square, identity, abs, cube, fourth, eighth, softplus2, exp };

enum class Optimizer : int32_t { adamw, sgd };

// What a trainer minimizes, and how. Mirrors `Problem` in engine.ts.
struct Problem {
  int32_t modulus;
  int32_t width;
  Activation activation;
  Optimizer optimizer;
  double learningRate, weightDecay, beta1, beta2, epsilon, warmupSteps;
  int32_t dimension;  // of the learned embedding; 0 without one
  int32_t grokfast;   // 1 with it
  double alpha, lambda;
  const uint8_t* labels;   // [p, p]
  const uint8_t* classes;  // [p, p]
};

// The scalars in the order in which problem-scalars.ts writes them.
static inline Problem problemFrom(const double* x, const uint8_t* labels, const uint8_t* classes) {
  Problem r{};
  r.modulus = (int32_t)x[0], r.width = (int32_t)x[1];
  r.activation = (Activation)(int32_t)x[2], r.optimizer = (Optimizer)(int32_t)x[3];
  r.learningRate = x[4], r.weightDecay = x[5], r.beta1 = x[6], r.beta2 = x[7], r.epsilon = x[8],
  r.warmupSteps = x[9], r.dimension = (int32_t)x[10], r.grokfast = (int32_t)x[11], r.alpha = x[12],
  r.lambda = x[13];
  r.labels = labels, r.classes = classes;
  return r;
}

// The weights of a layer, and what the optimizer keeps of them: moments and Grokfast's average. Null for
// what there isn't.
struct Layer {
  float *weights, *first, *second, *average;
};

// theta [M, p] and xi [M, p]; with a learned embedding theta has nothing but weights, which are the product
// of projection [M, d] and embedding [d, p]. The host's are row-major; see state-layout.ts.
struct State {
  Layer theta, xi, projection, embedding;
};

enum Column {
  trainLoss,
  testLoss,
  correctCommon,
  correctRare,
  correctPartner,
  correctHeldOut,
  gradientNorm,
  parameterNorm,
  columns
};

// Spectral progress measures; NaN for one that no neuron has.
enum Measure { iprTheta, iprXi, meanAbsSinMisalignment, thetaCosineFit, xiCosineFit, measureColumns };

struct Trainer;

// Threads of one job meet here; see barrier.h. On lines of their own: the arrivals must not disturb those who
// wait.
struct Barrier {
  alignas(64) int32_t arrived;
  alignas(64) int32_t generation;
  int32_t sleepers;
  alignas(64) int32_t threads;
};

enum class JobKind : int32_t { load, advance, read, logits, measure };

struct Job {
  Barrier barrier;
  JobKind kind;
  Trainer* trainer;
  // load: in; read: out; advance: weights of theta and xi out, [captures, M, p].
  State state;
  // load: in; read, advance: out. Updates made so far; a double because it crosses to JavaScript.
  double step;
  // advance: asked for (in) and made (out).
  int32_t steps, made, diverged;
  // advance: after how many of its updates the weights are copied out; increasing.
  const int32_t* captures;
  int32_t captureCount;
  // advance: after how many of its updates the weights are measured; increasing.
  const int32_t* measureAt;
  int32_t measureCount;
  // [points, measureColumns]: one a measureAt that was reached; measure writes one.
  double* measures;
  // [columns, traceRows]; load writes one row.
  double* trace;
  int32_t traceRows;
  // logits
  int32_t modulus, width;
  Activation activation;
  int32_t weightsAreDouble;
  const void *theta, *xi;
  double* logits;
};

// Working memory of one thread, 64-byte aligned.
constexpr size_t trainScratchBytes = 64 << 10;
constexpr size_t logitsScratchBytes = 512 << 10;

// One build of kernel.cc.
struct Kernel {
  const char* isa;
  int32_t lanes;
  // Bytes of the arena of a trainer, 64-byte aligned.
  size_t (*trainerBytes)(const Problem*);
  Trainer* (*createTrainer)(void* arena, const Problem*);
  // Set from outside, any thread, at any time: an `advance` under way ends after the step in hand.
  int32_t* (*stopFlag)(Trainer*);
  // More threads than these would wait more than work.
  int32_t (*usefulThreads)(const Trainer*);
  // Every one of job->barrier.threads threads calls it with its own index and scratch.
  void (*run)(Job*, int32_t thread, void* scratch);
  // Fused multiply-adds in registers only; returns the number of floating-point operations made.
  double (*peak)(int64_t rounds);
};

}  // namespace grokbox

// The host's ways to wait, called only by threads that have already spun in vain.
extern "C" {
void grokboxYield();
// Returns at once when *address != expected, else when woken (or for no reason at all).
void grokboxSleep(int32_t* address, int32_t expected);
void grokboxWake(int32_t* address);
}
