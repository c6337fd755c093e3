// A barrier for threads that meet twice a step, some 50 microseconds apart, on a machine that others use too.
// Waiting is in three stages: a short spin (the usual case: the others are a microsecond away), then yielding
// (another thread has a core: let it run, perhaps it is the one awaited), then sleep.
#pragma once
#include "abi.h"

namespace grokbox::KERNEL_NAMESPACE {

static inline void relax() {
#if defined(__x86_64__) || defined(__i386__)
  __builtin_ia32_pause();
#elif defined(__aarch64__)
  __asm__ volatile("isb");
#endif
}

#if defined(__wasm__)
// There is no instruction to pause and no call to yield.
constexpr int spins = 20000, yields = 0;
#else
constexpr int spins = 1000, yields = 200;
#endif

static inline void wait(Barrier& barrier) {
  if (barrier.threads == 1) return;
  const int32_t generation = __atomic_load_n(&barrier.generation, __ATOMIC_RELAXED);
  if (__atomic_add_fetch(&barrier.arrived, 1, __ATOMIC_ACQ_REL) == barrier.threads) {
    __atomic_store_n(&barrier.arrived, 0, __ATOMIC_RELAXED);
    // Sequentially consistent against the sleeper's announcement: either it sees the new generation or we see
    // it.
    __atomic_store_n(&barrier.generation, generation + 1, __ATOMIC_SEQ_CST);
    if (__atomic_load_n(&barrier.sleepers, __ATOMIC_SEQ_CST) > 0) grokboxWake(&barrier.generation);
    return;
  }
  const auto open = [&] { return __atomic_load_n(&barrier.generation, __ATOMIC_ACQUIRE) != generation; };
  for (int k = 0; k < spins; k++) {
    if (open()) return;
    relax();
  }
  for (int k = 0; k < yields; k++) {
    if (open()) return;
    grokboxYield();
  }
  __atomic_add_fetch(&barrier.sleepers, 1, __ATOMIC_SEQ_CST);
  while (__atomic_load_n(&barrier.generation, __ATOMIC_SEQ_CST) == generation)
    grokboxSleep(&barrier.generation, generation);
  __atomic_sub_fetch(&barrier.sleepers, 1, __ATOMIC_SEQ_CST);
}

}  // namespace grokbox::KERNEL_NAMESPACE
