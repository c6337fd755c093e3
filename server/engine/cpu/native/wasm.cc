// The WebAssembly side: what JavaScript calls to lay out a memory and to run a job in it. Every trainer has a
// shared memory of its own and every worker an instance of this module in it, so nothing static may be
// written here.
#include "kernel.cc"

#define EXPORT(name) extern "C" __attribute__((export_name(#name)))

using namespace grokbox;

extern "C" {
void grokboxYield() {}
void grokboxSleep(int32_t* address, int32_t expected) {
  __builtin_wasm_memory_atomic_wait32(address, expected, -1);
}
void grokboxWake(int32_t* address) { __builtin_wasm_memory_atomic_notify(address, ~0u); }

// The compiler's own calls; bulk-memory instructions.
void* memcpy(void* to, const void* from, size_t n) { return __builtin_memcpy(to, from, n); }
void* memset(void* to, int c, size_t n) { return __builtin_memset(to, c, n); }
}

static const Kernel& kernel = kernel_simd128;

EXPORT(jobBytes) size_t jobBytes() { return sizeof(Job); }
EXPORT(trainScratchBytes) size_t trainScratch() { return trainScratchBytes; }
EXPORT(logitsScratchBytes) size_t logitsScratch() { return logitsScratchBytes; }

EXPORT(trainerBytes) size_t trainerBytes(const double* scalars, const uint8_t* classes) {
  const Problem problem = problemFrom(scalars, classes, classes);
  return kernel.trainerBytes(&problem);
}

EXPORT(createTrainer)
Trainer* createTrainer(void* arena, const double* scalars, const uint8_t* labels, const uint8_t* classes) {
  const Problem problem = problemFrom(scalars, labels, classes);
  return kernel.createTrainer(arena, &problem);
}

EXPORT(usefulThreads) int32_t usefulThreads(const Trainer* trainer) { return kernel.usefulThreads(trainer); }
EXPORT(stopFlag) int32_t* stopFlag(Trainer* trainer) { return kernel.stopFlag(trainer); }

// `kind` is a JobKind; `state` points to the pointers of a State.
EXPORT(prepareJob)
void prepareJob(Job* job, int32_t threads, int32_t kind, Trainer* trainer, double step, int32_t steps,
                const State* state, double* trace, const int32_t* captures, int32_t captureCount) {
  *job = Job{};
  job->barrier.threads = threads;
  job->kind = (JobKind)kind;
  job->trainer = trainer;
  job->state = *state;
  job->step = step;
  job->steps = steps;
  job->trace = trace;
  job->traceRows = steps;
  job->captures = captures;
  job->captureCount = captureCount;
}

// What else a prepared job measures: an `advance` after so many of its updates, a `measure` once.
EXPORT(prepareMeasures)
void prepareMeasures(Job* job, const int32_t* measureAt, int32_t measureCount, double* measures) {
  job->measureAt = measureAt;
  job->measureCount = measureCount;
  job->measures = measures;
}

EXPORT(prepareLogits)
void prepareLogits(Job* job, int32_t threads, int32_t modulus, int32_t width, int32_t activation,
                   int32_t weightsAreDouble, const void* theta, const void* xi, double* logits) {
  *job = Job{};
  job->barrier.threads = threads;
  job->kind = JobKind::logits;
  job->modulus = modulus;
  job->width = width;
  job->activation = (Activation)activation;
  job->weightsAreDouble = weightsAreDouble;
  job->theta = theta;
  job->xi = xi;
  job->logits = logits;
}

EXPORT(runJob) void runJob(Job* job, int32_t thread, void* scratch) { kernel.run(job, thread, scratch); }

EXPORT(jobStep) double jobStep(const Job* job) { return job->step; }
EXPORT(jobMade) int32_t jobMade(const Job* job) { return job->made; }
EXPORT(jobDiverged) int32_t jobDiverged(const Job* job) { return job->diverged; }
