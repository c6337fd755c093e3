#pragma once
#include <immintrin.h>

namespace grokbox::KERNEL_NAMESPACE {

typedef float V __attribute__((vector_size(64)));
typedef int32_t VI __attribute__((vector_size(64)));
typedef double D __attribute__((vector_size(64)));
constexpr int lanes = 16;

INLINE V load(const float* p) { return (V)_mm512_loadu_ps(p); }
INLINE void store(float* p, V x) { _mm512_storeu_ps(p, (__m512)x); }
INLINE V splat(float x) { return (V)_mm512_set1_ps(x); }
INLINE VI splatInt(int32_t x) { return (VI)_mm512_set1_epi32(x); }
INLINE V fma(V a, V b, V c) { return (V)_mm512_fmadd_ps((__m512)a, (__m512)b, (__m512)c); }
INLINE V squareRoot(V x) { return (V)_mm512_sqrt_ps((__m512)x); }
INLINE V nearest(V x) { return (V)_mm512_roundscale_ps((__m512)x, 0); }
INLINE VI toInt(V x) { return (VI)_mm512_cvtps_epi32((__m512)x); }
INLINE V toFloat(VI x) { return (V)_mm512_cvtepi32_ps((__m512i)x); }

// A table of 32 numbers in two registers.
constexpr int tableSize = 32;
INLINE V lookUp(V low, V high, VI index) {
  return (V)_mm512_permutex2var_ps((__m512)low, (__m512i)index, (__m512)high);
}

// Rows of a matrix to its columns.
INLINE void transpose(V (&r)[lanes]) {
  V s[lanes];
  UNROLL for (int i = 0; i < 16; i += 2) {
    s[i] = (V)_mm512_unpacklo_ps((__m512)r[i], (__m512)r[i + 1]);
    s[i + 1] = (V)_mm512_unpackhi_ps((__m512)r[i], (__m512)r[i + 1]);
  }
  // Columns 4k + c of rows i..i+3 in s[i + c], in quarter k.
  UNROLL for (int i = 0; i < 16; i += 4) {
    const __m512d a = (__m512d)s[i], b = (__m512d)s[i + 2], c = (__m512d)s[i + 1], d = (__m512d)s[i + 3];
    s[i] = (V)_mm512_unpacklo_pd(a, b), s[i + 1] = (V)_mm512_unpackhi_pd(a, b);
    s[i + 2] = (V)_mm512_unpacklo_pd(c, d), s[i + 3] = (V)_mm512_unpackhi_pd(c, d);
  }
  UNROLL for (int c = 0; c < 4; c++) {
    const __m512 x = (__m512)s[c], y = (__m512)s[4 + c], z = (__m512)s[8 + c], w = (__m512)s[12 + c];
    const __m512 xy02 = _mm512_shuffle_f32x4(x, y, 0x88), xy13 = _mm512_shuffle_f32x4(x, y, 0xdd);
    const __m512 zw02 = _mm512_shuffle_f32x4(z, w, 0x88), zw13 = _mm512_shuffle_f32x4(z, w, 0xdd);
    r[c] = (V)_mm512_shuffle_f32x4(xy02, zw02, 0x88), r[8 + c] = (V)_mm512_shuffle_f32x4(xy02, zw02, 0xdd);
    r[4 + c] = (V)_mm512_shuffle_f32x4(xy13, zw13, 0x88);
    r[12 + c] = (V)_mm512_shuffle_f32x4(xy13, zw13, 0xdd);
  }
}

// GCC makes two halves of what `__builtin_convertvector` converts.
INLINE D loadWidened(const float* p) { return (D)_mm512_cvtps_pd(_mm256_loadu_ps(p)); }
INLINE D loadDouble(const double* p) { return (D)_mm512_loadu_pd(p); }
INLINE void storeDouble(double* p, D x) { _mm512_storeu_pd(p, (__m512d)x); }
INLINE D splatDouble(double x) { return (D)_mm512_set1_pd(x); }
INLINE D fmaDouble(D a, D b, D c) { return (D)_mm512_fmadd_pd((__m512d)a, (__m512d)b, (__m512d)c); }
INLINE D squareRootDouble(D x) { return (D)_mm512_sqrt_pd((__m512d)x); }

// 32 registers: up to 24 accumulators. An operand broadcast from memory is free of charge (one load a
// multiply-add), so a tile is one vector by as many broadcasts as there are registers for.
constexpr int tileVectors = 1, tileOutputs = 24, tilePairs = 16;

}  // namespace grokbox::KERNEL_NAMESPACE
