// The machine's fused multiply-add peak: twelve chains in registers, nothing from memory. What the kernel is
// measured by.
#pragma once
#include "vec.h"

namespace grokbox::KERNEL_NAMESPACE {

// Tells the compiler that x changes, in a register, so that it neither folds the loop nor spills.
INLINE void opaque(V& x) {
#if defined(__x86_64__)
  __asm__ volatile("" : "+v"(x));
#elif defined(__aarch64__)
  __asm__ volatile("" : "+w"(x));
#else
  __asm__ volatile("" : "+m"(x));
#endif
}

// Not inlined: among the code of a caller the compiler would spill the chains.
NOINLINE double peak(int64_t rounds) {
  constexpr int chains = 12;
  V x = splat(0.999f), y = splat(1e-3f), a[chains];
  opaque(x), opaque(y);
  UNROLL for (int i = 0; i < chains; i++) a[i] = splat((float)i);
  for (int64_t k = 0; k < rounds; k++) UNROLL for (int i = 0; i < chains; i++) {
      a[i] = fma(a[i], x, y);
      opaque(a[i]);
    }
  V s = a[0];
  UNROLL for (int i = 1; i < chains; i++) s += a[i];
  opaque(s);
  return 2.0 * chains * lanes * (double)rounds;
}

}  // namespace grokbox::KERNEL_NAMESPACE
