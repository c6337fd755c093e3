// The builds of the kernel that are linked in, best first, and which of them this machine runs.
#pragma once
#include "abi.h"

namespace grokbox {

extern const Kernel kernel_avx512, kernel_avx2, kernel_neon, kernel_baseline;

struct Build {
  const Kernel* kernel;
  bool runs;
};

#if defined(__x86_64__)
constexpr int buildCount = 3;
inline void listBuilds(Build (&builds)[buildCount]) {
  __builtin_cpu_init();
  const bool avx2 = __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma");
  builds[0] = {&kernel_avx512, avx2 && __builtin_cpu_supports("avx512f")};
  builds[1] = {&kernel_avx2, avx2};
  builds[2] = {&kernel_baseline, true};
}
#elif defined(__aarch64__)
constexpr int buildCount = 1;
inline void listBuilds(Build (&builds)[buildCount]) { builds[0] = {&kernel_neon, true}; }
#else
constexpr int buildCount = 1;
inline void listBuilds(Build (&builds)[buildCount]) { builds[0] = {&kernel_baseline, true}; }
#endif

}  // namespace grokbox
