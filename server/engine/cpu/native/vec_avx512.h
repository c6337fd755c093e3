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
INLINE uint32_t equalMask(V a, V b) { return _mm512_cmp_ps_mask((__m512)a, (__m512)b, _CMP_EQ_OQ); }

// GCC makes two halves of what `__builtin_convertvector` converts.
INLINE D loadWidened(const float* p) { return (D)_mm512_cvtps_pd(_mm256_loadu_ps(p)); }
INLINE D loadDouble(const double* p) { return (D)_mm512_loadu_pd(p); }
INLINE void storeDouble(double* p, D x) { _mm512_storeu_pd(p, (__m512d)x); }
INLINE D splatDouble(double x) { return (D)_mm512_set1_pd(x); }
INLINE D fmaDouble(D a, D b, D c) { return (D)_mm512_fmadd_pd((__m512d)a, (__m512d)b, (__m512d)c); }
INLINE D squareRootDouble(D x) { return (D)_mm512_sqrt_pd((__m512d)x); }

// An odd eight logits at the end of a row take a half-width vector: at p = 23 a full one would be a third
// wasted.
typedef float Half __attribute__((vector_size(32)));
constexpr bool hasHalf = true;
INLINE Half loadHalf(const float* p) { return (Half)_mm256_loadu_ps(p); }
INLINE void storeHalf(float* p, Half x) { _mm256_storeu_ps(p, (__m256)x); }
INLINE Half splatHalf(float x) { return (Half)_mm256_set1_ps(x); }
INLINE Half fmaHalf(Half a, Half b, Half c) { return (Half)_mm256_fmadd_ps((__m256)a, (__m256)b, (__m256)c); }

// 32 registers: up to 24 accumulators. An operand broadcast from memory is free of charge (one load a
// multiply-add), so the tiles of the backward pass are one vector by as many broadcasts as there are
// registers for.
constexpr int logitsRows = 6, logitsQuantum = 8, logitsQuanta = 8;
constexpr int backwardVectors = 1, backwardLogits = 24, backwardPairs = 12;

}  // namespace grokbox::KERNEL_NAMESPACE
