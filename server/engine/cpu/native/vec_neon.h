#pragma once
#include <arm_neon.h>

namespace grokbox::KERNEL_NAMESPACE {

typedef float V __attribute__((vector_size(16)));
typedef int32_t VI __attribute__((vector_size(16)));
typedef double D __attribute__((vector_size(16)));
constexpr int lanes = 4;

INLINE V load(const float* p) { return (V)vld1q_f32(p); }
INLINE void store(float* p, V x) { vst1q_f32(p, (float32x4_t)x); }
INLINE V splat(float x) { return (V)vdupq_n_f32(x); }
INLINE VI splatInt(int32_t x) { return (VI)vdupq_n_s32(x); }
INLINE V fma(V a, V b, V c) { return (V)vfmaq_f32((float32x4_t)c, (float32x4_t)a, (float32x4_t)b); }
INLINE V squareRoot(V x) { return (V)vsqrtq_f32((float32x4_t)x); }
INLINE V nearest(V x) { return (V)vrndnq_f32((float32x4_t)x); }
INLINE VI toInt(V x) { return (VI)vcvtnq_s32_f32((float32x4_t)x); }
INLINE V toFloat(VI x) { return (V)vcvtq_f32_s32((int32x4_t)x); }

INLINE D loadDouble(const double* p) { return (D)vld1q_f64(p); }
INLINE void storeDouble(double* p, D x) { vst1q_f64(p, (float64x2_t)x); }
INLINE D splatDouble(double x) { return (D)vdupq_n_f64(x); }
INLINE D fmaDouble(D a, D b, D c) { return (D)vfmaq_f64((float64x2_t)c, (float64x2_t)a, (float64x2_t)b); }
INLINE D squareRootDouble(D x) { return (D)vsqrtq_f64((float64x2_t)x); }

// 32 registers of four lanes: 24 accumulators.
constexpr int tileVectors = 4, tileOutputs = 6, tilePairs = 6;

// No table of numbers in registers.
constexpr int tableSize = 0;
INLINE V lookUp(V, V, VI) { return V{}; }

}  // namespace grokbox::KERNEL_NAMESPACE
