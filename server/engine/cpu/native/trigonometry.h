// cos and sin of the angles 2 pi k j / p, in float64. Own functions, because a WebAssembly module has no
// mathematical library; and the tables are the same on every machine.
#pragma once
#include <stdint.h>

namespace grokbox::KERNEL_NAMESPACE {

// cos(2 pi a / b), b > 0 a multiple of 4, within a unit in the last place or so. The angle is brought into
// [0, pi/4] in integers, where that is exact.
static inline double cosineOfTurn(int32_t a, int32_t b) {
  a = (a < 0 ? -a : a) % b;
  if (a > b / 2) a = b - a;
  const bool negative = a > b / 4;
  if (negative) a = b / 2 - a;
  // sin of the complement beyond pi/4. Either series is cut where its next term is below 1e-17.
  const bool sine = a > b / 8;
  const double x = 6.283185307179586477 * (sine ? b / 4 - a : a) / b, z = x * x;
  double q = 0;
  for (int32_t n = sine ? 17 : 16; n > 1; n -= 2) q = (1 + q) * -z / (n * (n - 1));
  const double r = sine ? x * (1 + q) : 1 + q;
  return negative ? -r : r;
}

// cos(w_k j) and sin(w_k j), k, j = 1..K, K = (p-1)/2: [K, K] each, and symmetric.
static inline void fillHalfBasis(int32_t p, double* cosines, double* sines) {
  const int32_t count = p / 2;
  for (int32_t j = 1; j <= count; j++) {
    cosines[j - 1] = cosineOfTurn(4 * j, 4 * p);
    sines[j - 1] = cosineOfTurn(4 * j - p, 4 * p);
  }
  // The first rows have every angle there is, but for 0, which k j comes to where p is not prime.
  for (int32_t k = 2; k <= count; k++)
    for (int32_t j = 1; j <= count; j++) {
      const int32_t residue = k * j % p, entry = (k - 1) * count + j - 1;
      const bool upper = residue > count;
      const int32_t i = upper ? p - residue : residue;
      cosines[entry] = i == 0 ? 1 : cosines[i - 1];
      sines[entry] = i == 0 ? 0 : upper ? -sines[i - 1] : sines[i - 1];
    }
}

}  // namespace grokbox::KERNEL_NAMESPACE
