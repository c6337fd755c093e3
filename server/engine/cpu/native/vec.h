// The vector of the instruction set that this translation unit is compiled for. Arithmetic, comparison and
// selection
// (`mask ? a : b`) are the compiler's vector extensions; a vec_*.h adds what they lack, and the shapes of the
// register tiles that its register file and load ports feed best.
//
// Every build with a fused multiply-add does the same operations on the same numbers in the same order, so
// their bits agree: lanes never mix but in `fold`, which adds sixteen lanes as 16 -> 8 -> 4 whatever the
// width.
#pragma once
#include <stddef.h>
#include <stdint.h>

// The WebAssembly build has no C library to take these from.
extern "C" {
void* memcpy(void*, const void*, size_t);
void* memset(void*, int, size_t);
}

#define INLINE static inline __attribute__((always_inline))
// A register tile is a function of its own: in the midst of another the compiler, or V8 after it, would
// spill.
#define NOINLINE static __attribute__((noinline))
#if defined(__clang__)
#define UNROLL _Pragma("clang loop unroll(full)")
#else
#define UNROLL _Pragma("GCC unroll 64")
#endif

#if defined(__AVX512F__)
#include "vec_avx512.h"
#elif defined(__AVX2__) && defined(__FMA__)
#include "vec_avx2.h"
#elif defined(__aarch64__)
#include "vec_neon.h"
#elif defined(__wasm_simd128__)
#include "vec_wasm.h"
#else
#include "vec_generic.h"
#endif

namespace grokbox::KERNEL_NAMESPACE {

INLINE VI loadInt(const int32_t* p) { return (VI)load((const float*)p); }
INLINE void storeInt(int32_t* p, VI x) { store((float*)p, (V)x); }

INLINE VI bits(V x) { return (VI)x; }
INLINE V fromBits(VI x) { return (V)x; }
// b when either is NaN.
INLINE V larger(V a, V b) { return a > b ? a : b; }
INLINE V smaller(V a, V b) { return a < b ? a : b; }
INLINE V magnitude(V x) { return fromBits(bits(x) & 0x7fffffff); }

#if !defined(__AVX512F__) && !(defined(__AVX2__) && defined(__FMA__))
// Rows of a matrix to its columns.
INLINE void transpose(V (&r)[lanes]) {
  static_assert(lanes == 4);
  V s[4];
  UNROLL for (int i = 0; i < 4; i += 2) {
    s[i] = V{r[i][0], r[i + 1][0], r[i][1], r[i + 1][1]};
    s[i + 1] = V{r[i][2], r[i + 1][2], r[i][3], r[i + 1][3]};
  }
  UNROLL for (int c = 0; c < 4; c += 2) {
    const V x = s[c / 2], y = s[2 + c / 2];
    r[c] = V{x[0], x[1], y[0], y[1]}, r[c + 1] = V{x[2], x[3], y[2], y[3]};
  }
}
#endif

// Sixteen lanes, as a neuron block or a group of pairs has, whatever the width of a vector.
constexpr int blockLanes = 16;
constexpr int blockVectors = blockLanes / lanes;

struct Block {
  V v[blockVectors];
};

INLINE Block loadBlock(const float* p) {
  Block b;
  UNROLL for (int i = 0; i < blockVectors; i++) b.v[i] = load(p + i * lanes);
  return b;
}
INLINE void storeBlock(float* p, const Block& b) {
  UNROLL for (int i = 0; i < blockVectors; i++) store(p + i * lanes, b.v[i]);
}
template <class F, class... B>
INLINE Block map(F f, const B&... b) {
  Block r;
  UNROLL for (int i = 0; i < blockVectors; i++) r.v[i] = f(b.v[i]...);
  return r;
}
INLINE Block splatBlock(float x) {
  Block r;
  UNROLL for (int i = 0; i < blockVectors; i++) r.v[i] = splat(x);
  return r;
}

constexpr int lanes64 = lanes / 2;

typedef float Half64 __attribute__((vector_size(lanes64 * sizeof(float))));

// lanes64 floats as doubles. The builtin: a call of memcpy is one, in the WebAssembly build.
#ifndef __AVX512F__
INLINE D loadWidened(const float* p) {
  Half64 x;
  __builtin_memcpy(&x, p, sizeof x);
  return __builtin_convertvector(x, D);
}
#endif

typedef float Quad __attribute__((vector_size(16)));

// Sixteen lanes to one in a fixed tree, 16 -> 8 -> 4 -> 2 -> 1.
template <class F>
INLINE float fold(F f, const Block& b) {
  alignas(64) float x[blockLanes];
  storeBlock(x, b);
  Quad q[4];
  memcpy(q, x, sizeof q);
  const Quad r = f(f(q[0], q[2]), f(q[1], q[3]));
  const Quad s = f(r, Quad{r[2], r[3], r[2], r[3]});
  return f(s, Quad{s[1], s[1], s[1], s[1]})[0];
}
INLINE float sum(const Block& b) {
  return fold([](Quad x, Quad y) { return x + y; }, b);
}

}  // namespace grokbox::KERNEL_NAMESPACE
