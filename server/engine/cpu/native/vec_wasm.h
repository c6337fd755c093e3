#pragma once
#include <wasm_simd128.h>

namespace grokbox::KERNEL_NAMESPACE {

typedef float V __attribute__((vector_size(16)));
typedef int32_t VI __attribute__((vector_size(16)));
typedef double D __attribute__((vector_size(16)));
constexpr int lanes = 4;

INLINE V load(const float* p) { return (V)wasm_v128_load(p); }
INLINE void store(float* p, V x) { wasm_v128_store(p, (v128_t)x); }
INLINE V splat(float x) { return (V)wasm_f32x4_splat(x); }
INLINE VI splatInt(int32_t x) { return (VI)wasm_i32x4_splat(x); }
#if defined(__wasm_relaxed_simd__)
// Fused or not as the device has it, but always the same on one device, which is what an engine promises.
INLINE V fma(V a, V b, V c) { return (V)__builtin_wasm_relaxed_madd_f32x4(a, b, c); }
INLINE D fmaDouble(D a, D b, D c) { return (D)__builtin_wasm_relaxed_madd_f64x2(a, b, c); }
#else
INLINE V fma(V a, V b, V c) { return a * b + c; }
INLINE D fmaDouble(D a, D b, D c) { return a * b + c; }
#endif
INLINE V squareRoot(V x) { return (V)wasm_f32x4_sqrt((v128_t)x); }
INLINE V nearest(V x) { return (V)wasm_f32x4_nearest((v128_t)x); }
INLINE VI toInt(V x) { return (VI)wasm_i32x4_trunc_sat_f32x4((v128_t)x); }
INLINE V toFloat(VI x) { return (V)wasm_f32x4_convert_i32x4((v128_t)x); }

INLINE D loadDouble(const double* p) { return (D)wasm_v128_load(p); }
INLINE void storeDouble(double* p, D x) { wasm_v128_store(p, (v128_t)x); }
INLINE D splatDouble(double x) { return (D)wasm_f64x2_splat(x); }
INLINE D squareRootDouble(D x) { return (D)wasm_f64x2_sqrt((v128_t)x); }

// V8 on x64 has 15 registers and spills from about a dozen values on: 8 accumulators are faster than 12.
constexpr int tileVectors = 2, tileOutputs = 4, tilePairs = 4;

// No table of numbers in registers.
constexpr int tableSize = 0;
INLINE V lookUp(V, V, VI) { return V{}; }

}  // namespace grokbox::KERNEL_NAMESPACE
