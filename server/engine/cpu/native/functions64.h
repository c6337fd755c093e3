// Activations in float64, for the analysis of given weights. Scalars in loops without branches, which the
// compiler may turn into vectors (NaN stays NaN throughout); own functions, because a WebAssembly module has
// no mathematical library.
#pragma once
#include "abi.h"
#include "vec.h"

namespace grokbox::KERNEL_NAMESPACE {

INLINE double fromBits64(int64_t x) {
  double y;
  memcpy(&y, &x, sizeof y);
  return y;
}
INLINE int64_t bits64(double x) {
  int64_t y;
  memcpy(&y, &x, sizeof y);
  return y;
}

// Adding it rounds to an integer, and leaves that in the low bits.
constexpr double integerShift = 0x1.8p52;

// 2^n for an integer -1022 <= n <= 1023.
INLINE double powerOfTwo64(double n) { return fromBits64((bits64(n + (integerShift + 1023)) << 52)); }

// e^x: x = n log 2 + r, and the series of e^r to r^13, the last term that counts at |r| <= log(2)/2.
INLINE double exp64(double x) {
  const double low = x < -746 ? -746 : x, clamped = low > 710 ? 710 : low;
  const double n = (clamped * 1.4426950408889634 + integerShift) - integerShift;
  const double r = (clamped - n * 0x1.62e42fee00000p-1) - n * 0x1.a39ef35793c76p-33;
  double q = 1.0 / 6227020800;
  constexpr double coefficients[] = {
      1.0 / 479001600, 1.0 / 39916800, 1.0 / 3628800, 1.0 / 362880, 1.0 / 40320, 1.0 / 5040, 1.0 / 720,
      1.0 / 120,       1.0 / 24,       1.0 / 6,       0.5,          1,           1};
  UNROLL for (int k = 0; k < 13; k++) q = q * r + coefficients[k];
  // 2^n may itself be out of range; half of it twice is not.
  const double half = (n * 0.5 + integerShift) - integerShift;
  return q * powerOfTwo64(half) * powerOfTwo64(n - half);
}

// log(1 + x), 0 <= x <= 1, as 2 artanh(x / (2 + x)): s <= 1/3, so that twenty terms of the series do.
INLINE double log1p64(double x) {
  // For x > 0.5 take out log(3/2): 1 + x = 1.5 (1 + (x - 0.5) / 1.5).
  const bool upper = x > 0.25;
  const double y = upper ? (x - 0.5) / 1.5 : x, s = y / (2 + y), z = s * s;
  double q = 0;
  UNROLL for (int k = 12; k >= 0; k--) q = q * z + 1.0 / (2 * k + 1);
  return 2 * s * q + (upper ? 0.40546510810816438198 : 0);
}

// erfc(z), z >= 0, as e^{-z^2} t times a Chebyshev series in t = 1 / (1 + 0.3 z); relative error 2e-18 but
// for rounding.
INLINE double erfc64(double z) {
  constexpr double series[] = {
      0.469917224658365575,     0.374624741548515282,     0.118871069764627572,     0.0299483702366192497,
      0.00580450919731366413,   0.000789028259203014016,  0.0000516340844645411533, -5.06191517061166911e-6,
      -1.49464757507124062e-6,  -5.00432336146071665e-8,  2.66534693682177015e-8,   2.76384849374711641e-9,
      -4.89511231654980655e-10, -8.3861607031073532e-11,  1.09593387430484338e-11,  2.33412001830669756e-12,
      -3.17421011414787178e-13, -6.29578859154091674e-14, 1.11777622833129377e-14,  1.55909450765467377e-15,
      -4.28140142979403399e-16, -2.83596597918016941e-17, 1.62579599087493449e-17};
  constexpr int terms = sizeof series / sizeof *series;
  const double t = 1 / (1 + 0.3 * z), s = (t - 0.55319148936170212766) / 0.44680851063829787234;
  double a = 0, b = 0;
  UNROLL for (int k = terms - 1; k > 0; k--) {
    const double c = series[k] + 2 * s * a - b;
    b = a;
    a = c;
  }
  return exp64(-z * z) * t * (series[0] + s * a - b);
}

#define FLATTEN __attribute__((always_inline))

// h[i] = sigma(z[i]). Not inlined: `__restrict` holds for parameters only, and the loops need it to become
// vectors.
NOINLINE void activate64(Activation activation, const double* __restrict z, double* __restrict h, int32_t n) {
  const auto each = [&](auto f) {
    for (int32_t i = 0; i < n; i++) h[i] = f(z[i]);
  };
  switch (activation) {
    case Activation::gelu:
      return each([](double x) FLATTEN {
        const double tail = 0.5 * erfc64(__builtin_fabs(x) * 0.70710678118654752440);
        return x * (x < 0 ? tail : 1 - tail);
      });
    case Activation::square: return each([](double x) FLATTEN { return x * x; });
    case Activation::identity: return each([](double x) FLATTEN { return x; });
    case Activation::abs: return each([](double x) FLATTEN { return __builtin_fabs(x); });
    case Activation::cube: return each([](double x) FLATTEN { return x * x * x; });
    case Activation::fourth: return each([](double x) FLATTEN { return (x * x) * (x * x); });
    case Activation::eighth:
      return each([](double x) FLATTEN { return ((x * x) * (x * x)) * ((x * x) * (x * x)); });
    case Activation::softplus2:
      return each([](double x)
                      FLATTEN { return (0 > x ? 0 : 2 * x) + log1p64(exp64(-2 * __builtin_fabs(x))); });
    case Activation::exp: return each([](double x) FLATTEN { return exp64(x); });
    default: return each([](double x) FLATTEN { return 0 > x ? 0 : x; });
  }
}

}  // namespace grokbox::KERNEL_NAMESPACE
