// The Node-API side: engines, trainers and jobs as JavaScript sees them. Used by addon-kernel.ts alone; its
// callers check arguments and keep calls on one trainer apart; here a wrong argument is a programming error.
#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <cstring>
#include <vector>

#if defined(__linux__)
#include <sys/mman.h>
#endif

#include "addon_values.h"
#include "builds.h"
#include "pool.h"

namespace grokbox {
namespace {

struct Call;

struct Engine {
  napi_env env;
  const Kernel* kernel;
  Pool* pool;
  napi_threadsafe_function settled;
  std::vector<Call*> calls;  // under way; main thread only
};

struct TrainerHandle {
  const Kernel* kernel;
  Trainer* trainer;
  void* memory;
  size_t bytes;
};

void setStop(const TrainerHandle* handle, int32_t value) {
  __atomic_store_n(handle->kernel->stopFlag(handle->trainer), value, __ATOMIC_RELAXED);
}

struct Call : Pool::Task {
  Engine* engine;
  napi_deferred deferred;
  napi_ref arguments;  // keeps the arrays that the job reads and writes
};

const Kernel* findKernel(const std::string& isa) {
  Build builds[buildCount];
  listBuilds(builds);
  for (const Build& build : builds)
    if (build.runs && isa == build.kernel->isa) return build.kernel;
  return nullptr;
}

// --- Jobs

// On the main thread, when the last pool thread has left the job.
void settle(napi_env env, napi_value, void*, void* data) {
  Call* call = (Call*)data;
  Engine* engine = call->engine;
  if (env) {
    engine->calls.erase(std::find(engine->calls.begin(), engine->calls.end(), call));
    // An engine without a job must not keep the process alive.
    if (engine->calls.empty()) napi_unref_threadsafe_function(env, engine->settled);
    napi_handle_scope scope;
    napi_open_handle_scope(env, &scope);
    napi_value result;
    napi_create_array_with_length(env, 4, &result);
    napi_set_element(env, result, 0, number(env, call->job.step));
    napi_set_element(env, result, 1, number(env, call->job.made));
    napi_set_element(env, result, 2, number(env, call->job.diverged));
    napi_set_element(env, result, 3, number(env, call->job.barrier.threads));
    napi_delete_reference(env, call->arguments);
    napi_resolve_deferred(env, call->deferred, result);
    napi_close_handle_scope(env, scope);
  }
  delete call;
}

// Queues a job; the promise resolves to [step, made, diverged, threads].
napi_value submit(const Arguments& a, Call* call, Engine* engine, const Kernel* kernel, int32_t mostThreads) {
  napi_env env = a.env;
  napi_value promise, kept;
  napi_create_promise(env, &call->deferred, &promise);
  napi_create_array_with_length(env, a.count, &kept);
  for (uint32_t i = 0; i < a.count; i++) napi_set_element(env, kept, i, a.value[i]);
  napi_create_reference(env, kept, 1, &call->arguments);
  call->engine = engine;
  call->kernel = kernel;
  call->mostThreads = mostThreads;
  call->finished = [](Pool::Task* task) {
    Call* call = static_cast<Call*>(task);
    napi_call_threadsafe_function(call->engine->settled, call, napi_tsfn_nonblocking);
  };
  if (engine->calls.empty()) napi_ref_threadsafe_function(env, engine->settled);
  engine->calls.push_back(call);
  engine->pool->submit(call);
  return promise;
}

napi_value submitFor(const Arguments& a, Call* call, JobKind kind, int32_t most = INT32_MAX) {
  TrainerHandle* handle = a.external<TrainerHandle>(1);
  call->job.kind = kind;
  call->job.trainer = handle->trainer;
  const int32_t threads = kind == JobKind::read ? 1 : handle->kernel->usefulThreads(handle->trainer);
  return submit(a, call, a.external<Engine>(0), handle->kernel, std::min(threads, most));
}

// (engine, trainer, step, state, trace row)
napi_value load(napi_env env, napi_callback_info info) {
  Arguments a(env, info);
  Call* call = new Call();
  call->job.step = a.number(2);
  call->job.state = a.state(3);
  call->job.trace = a.array<double>(4);
  call->job.traceRows = 1;
  return submitFor(a, call, JobKind::load);
}

// (engine, trainer, steps, captures, [captures, M, p] state to write weights into, trace columns, measured
// steps, [measured steps, measures] to write into, most threads)
napi_value advance(napi_env env, napi_callback_info info) {
  Arguments a(env, info);
  Call* call = new Call();
  call->job.steps = call->job.traceRows = (int32_t)a.number(2);
  call->job.captures = a.array<int32_t>(3, nullptr, &call->job.captureCount);
  call->job.state = a.state(4);
  call->job.trace = a.array<double>(5);
  call->job.measureAt = a.array<int32_t>(6, nullptr, &call->job.measureCount);
  call->job.measures = a.array<double>(7);
  setStop(a.external<TrainerHandle>(1), 0);
  return submitFor(a, call, JobKind::advance, (int32_t)a.number(8));
}

// (engine, trainer, state to write into)
napi_value read(napi_env env, napi_callback_info info) {
  Arguments a(env, info);
  Call* call = new Call();
  call->job.state = a.state(2);
  return submitFor(a, call, JobKind::read);
}

// (engine, trainer, measures to write into)
napi_value measure(napi_env env, napi_callback_info info) {
  Arguments a(env, info);
  Call* call = new Call();
  call->job.measures = a.array<double>(2);
  return submitFor(a, call, JobKind::measure);
}

// (engine, modulus, width, activation, theta, xi, logits)
napi_value logits(napi_env env, napi_callback_info info) {
  Arguments a(env, info);
  Engine* engine = a.external<Engine>(0);
  Call* call = new Call();
  Job& job = call->job;
  napi_typedarray_type type = napi_float32_array;
  job.kind = JobKind::logits;
  job.modulus = (int32_t)a.number(1);
  job.width = (int32_t)a.number(2);
  job.activation = (Activation)(int32_t)a.number(3);
  job.theta = a.array<void>(4, &type);
  job.xi = a.array<void>(5);
  job.weightsAreDouble = type == napi_float64_array;
  job.logits = a.array<double>(6);
  return submit(a, call, engine, engine->kernel, engine->pool->threads());
}

// --- Engines

void stopAll(Engine* engine) {
  for (Call* call : engine->calls)
    if (call->job.trainer) __atomic_store_n(engine->kernel->stopFlag(call->job.trainer), 1, __ATOMIC_RELAXED);
}

// The environment ends (the process exits, a worker thread is terminated) with the engine open.
void abandon(void* data) {
  Engine* engine = (Engine*)data;
  stopAll(engine);
  delete engine->pool;
  delete engine;
}

// (isa, threads)
napi_value createEngine(napi_env env, napi_callback_info info) {
  Arguments a(env, info);
  const Kernel* kernel = findKernel(a.text(0));
  if (!kernel) {
    napi_throw_range_error(env, nullptr,
                           ("This machine can't run the kernel's build for " + a.text(0)).c_str());
    return nullptr;
  }
  Engine* engine = new Engine{env, kernel, nullptr, nullptr, {}};
  napi_value name, result;
  napi_create_string_utf8(env, "grokbox", NAPI_AUTO_LENGTH, &name);
  napi_create_threadsafe_function(env, nullptr, nullptr, name, 0, 1, nullptr, nullptr, engine, settle,
                                  &engine->settled);
  napi_unref_threadsafe_function(env, engine->settled);
  engine->pool = new Pool((int32_t)a.number(1));
  // After the thread-safe function, so that it runs before that one goes.
  napi_add_env_cleanup_hook(env, abandon, engine);
  napi_create_external(env, engine, nullptr, nullptr, &result);
  return result;
}

// (engine), which has no call under way and isn't used again.
napi_value closeEngine(napi_env env, napi_callback_info info) {
  Engine* engine = Arguments(env, info).external<Engine>(0);
  napi_remove_env_cleanup_hook(env, abandon, engine);
  delete engine->pool;
  napi_release_threadsafe_function(engine->settled, napi_tsfn_release);
  delete engine;
  return undefined(env);
}

// --- Trainers

void release(napi_env env, TrainerHandle* handle) {
  if (!handle->memory) return;
  int64_t total;
  napi_adjust_external_memory(env, -(int64_t)handle->bytes, &total);
  std::free(handle->memory);
  handle->memory = nullptr;
}

void finalizeTrainer(napi_env env, void* data, void*) {
  release(env, (TrainerHandle*)data);
  delete (TrainerHandle*)data;
}

// (engine, scalars of the problem, labels, classes, bytes of memory to be had)
napi_value createTrainer(napi_env env, napi_callback_info info) {
  Arguments a(env, info);
  const Problem problem = problemFrom(a.array<double>(1), a.array<uint8_t>(2), a.array<uint8_t>(3));
  const Kernel* kernel = a.external<Engine>(0)->kernel;
  const size_t bytes = kernel->trainerBytes(&problem);
  // calloc: pages of a large arena come zeroed from the system and are touched first by the threads that use
  // them.
  void* memory = (double)bytes < a.number(4) ? std::calloc(1, bytes + 64) : nullptr;
  if (!memory) {
    napi_throw_range_error(
        env, nullptr,
        ("A trainer of this shape takes " + std::to_string(bytes) + " bytes, more than there are").c_str());
    return nullptr;
  }
#if defined(__linux__)
  const uintptr_t huge = 2 << 20, begin = ((uintptr_t)memory + huge - 1) / huge * huge,
                  end = ((uintptr_t)memory + bytes) / huge * huge;
  if (begin < end) madvise((void*)begin, end - begin, MADV_HUGEPAGE);
#endif
  void* arena = (void*)(((uintptr_t)memory + 63) / 64 * 64);
  TrainerHandle* handle = new TrainerHandle{kernel, kernel->createTrainer(arena, &problem), memory, bytes};
  int64_t total;
  napi_adjust_external_memory(env, (int64_t)bytes, &total);
  napi_value result;
  napi_create_external(env, handle, finalizeTrainer, nullptr, &result);
  return result;
}

// (trainer), which has no call under way and isn't used again.
napi_value freeTrainer(napi_env env, napi_callback_info info) {
  release(env, Arguments(env, info).external<TrainerHandle>(0));
  return undefined(env);
}

// (engine, trainer): its `advance` under way ends after the step in hand; one that waits, at once.
napi_value stop(napi_env env, napi_callback_info info) {
  Arguments a(env, info);
  Engine* engine = a.external<Engine>(0);
  TrainerHandle* handle = a.external<TrainerHandle>(1);
  setStop(handle, 1);
  for (Call* call : engine->calls)
    if (call->job.kind == JobKind::advance && call->job.trainer == handle->trainer &&
        engine->pool->withdraw(call))
      break;
  return undefined(env);
}

// --- The machine

napi_value isas(napi_env env, napi_callback_info) {
  Build builds[buildCount];
  listBuilds(builds);
  napi_value result, name;
  napi_create_array(env, &result);
  uint32_t n = 0;
  for (const Build& build : builds) {
    if (!build.runs) continue;
    napi_create_string_utf8(env, build.kernel->isa, NAPI_AUTO_LENGTH, &name);
    napi_set_element(env, result, n++, name);
  }
  return result;
}

// (isa, threads, milliseconds): GFLOP/s of multiply-adds in registers. Blocks.
napi_value peakGflops(napi_env env, napi_callback_info info) {
  Arguments a(env, info);
  const Kernel* kernel = findKernel(a.text(0));
  const int threads = (int)a.number(1);
  if (!kernel) return undefined(env);
  using Clock = std::chrono::steady_clock;
  const auto deadline = Clock::now() + std::chrono::microseconds((int64_t)(a.number(2) * 1000));
  const auto begin = Clock::now();
  std::vector<double> operations(threads, 0.0);
  const auto measure = [&](int i) {
    double done = 0;
    do done += kernel->peak(20000);
    while (Clock::now() < deadline);
    operations[i] = done;
  };
  std::vector<std::thread> others;
  for (int i = 1; i < threads; i++) others.emplace_back(measure, i);
  measure(0);
  for (std::thread& other : others) other.join();
  const double seconds = std::chrono::duration<double>(Clock::now() - begin).count();
  double sum = 0;
  for (double x : operations) sum += x;
  return number(env, sum / seconds / 1e9);
}

}  // namespace
}  // namespace grokbox

NAPI_MODULE_INIT() {
  using namespace grokbox;
  const std::pair<const char*, napi_callback> functions[] = {
      {"isas", isas},
      {"peakGflops", peakGflops},
      {"createEngine", createEngine},
      {"closeEngine", closeEngine},
      {"createTrainer", createTrainer},
      {"load", load},
      {"advance", advance},
      {"read", read},
      {"measure", measure},
      {"stop", stop},
      {"freeTrainer", freeTrainer},
      {"logits", logits},
  };
  for (const auto& [name, callback] : functions) {
    napi_value f;
    napi_create_function(env, name, NAPI_AUTO_LENGTH, callback, nullptr, &f);
    napi_set_named_property(env, exports, name, f);
  }
  return exports;
}
