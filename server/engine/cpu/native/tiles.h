// Register tiles have sizes known to the compiler; these two turn the sizes of a problem into them.
#pragma once
#include <stdint.h>

namespace grokbox::KERNEL_NAMESPACE {

template <int N>
struct Constant {
  static constexpr int value = N;
};

// f(Constant<n>{}), 1 <= n <= Most.
template <int Most, class F>
static inline void withConstant(int32_t n, F f) {
  if constexpr (Most > 1)
    if (n < Most) return withConstant<Most - 1>(n, f);
  f(Constant<Most>{});
}

// Cuts n into the fewest pieces of at most `most`, as equal as can be, and calls f(first, size) on each: 97
// is 20 + 20 + 19 + 19 + 19 of at most 24, not four of 24 and one that wastes a tile on a single logit.
template <class F>
static inline void forBalancedTiles(int32_t n, int32_t most, F f) {
  const int32_t tiles = (n + most - 1) / most;
  for (int32_t k = 0; k < tiles; k++) {
    const int32_t first = n * k / tiles;
    f(first, n * (k + 1) / tiles - first);
  }
}

}  // namespace grokbox::KERNEL_NAMESPACE
