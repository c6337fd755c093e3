#pragma once
#include <immintrin.h>

namespace grokbox::KERNEL_NAMESPACE {

typedef float V __attribute__((vector_size(32)));
typedef int32_t VI __attribute__((vector_size(32)));
typedef double D __attribute__((vector_size(32)));
constexpr int lanes = 8;

INLINE V load(const float* p) { return (V)_mm256_loadu_ps(p); }
INLINE void store(float* p, V x) { _mm256_storeu_ps(p, (__m256)x); }
INLINE V splat(float x) { return (V)_mm256_set1_ps(x); }
INLINE VI splatInt(int32_t x) { return (VI)_mm256_set1_epi32(x); }
INLINE V fma(V a, V b, V c) { return (V)_mm256_fmadd_ps((__m256)a, (__m256)b, (__m256)c); }
INLINE V squareRoot(V x) { return (V)_mm256_sqrt_ps((__m256)x); }
INLINE V nearest(V x) { return (V)_mm256_round_ps((__m256)x, 0); }
INLINE VI toInt(V x) { return (VI)_mm256_cvtps_epi32((__m256)x); }
INLINE V toFloat(VI x) { return (V)_mm256_cvtepi32_ps((__m256i)x); }

// Rows of a matrix to its columns.
INLINE void transpose(V (&r)[lanes]) {
  V s[lanes];
  UNROLL for (int i = 0; i < 8; i += 2) {
    s[i] = (V)_mm256_unpacklo_ps((__m256)r[i], (__m256)r[i + 1]);
    s[i + 1] = (V)_mm256_unpackhi_ps((__m256)r[i], (__m256)r[i + 1]);
  }
  // Columns 4k + c of rows i..i+3 in s[i + c], in half k.
  UNROLL for (int i = 0; i < 8; i += 4) {
    const __m256d a = (__m256d)s[i], b = (__m256d)s[i + 2], c = (__m256d)s[i + 1], d = (__m256d)s[i + 3];
    s[i] = (V)_mm256_unpacklo_pd(a, b), s[i + 1] = (V)_mm256_unpackhi_pd(a, b);
    s[i + 2] = (V)_mm256_unpacklo_pd(c, d), s[i + 3] = (V)_mm256_unpackhi_pd(c, d);
  }
  UNROLL for (int c = 0; c < 4; c++) {
    const __m256 x = (__m256)s[c], y = (__m256)s[4 + c];
    r[c] = (V)_mm256_permute2f128_ps(x, y, 0x20), r[4 + c] = (V)_mm256_permute2f128_ps(x, y, 0x31);
  }
}

INLINE D loadDouble(const double* p) { return (D)_mm256_loadu_pd(p); }
INLINE void storeDouble(double* p, D x) { _mm256_storeu_pd(p, (__m256d)x); }
INLINE D splatDouble(double x) { return (D)_mm256_set1_pd(x); }
INLINE D fmaDouble(D a, D b, D c) { return (D)_mm256_fmadd_pd((__m256d)a, (__m256d)b, (__m256d)c); }
INLINE D squareRootDouble(D x) { return (D)_mm256_sqrt_pd((__m256d)x); }

// 16 registers: 12 accumulators. A broadcast costs a load, of which there are two a cycle as there are
// multiply-adds, so both operands are reused.
constexpr int tileVectors = 2, tileOutputs = 6, tilePairs = 6;

// No table of numbers in registers.
constexpr int tableSize = 0;
INLINE V lookUp(V, V, VI) { return V{}; }

}  // namespace grokbox::KERNEL_NAMESPACE
