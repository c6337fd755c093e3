// Any machine: four lanes of whatever the compiler makes of them (SSE2 on x86-64), and no fused multiply-add.
#pragma once

namespace grokbox::KERNEL_NAMESPACE {

typedef float V __attribute__((vector_size(16)));
typedef int32_t VI __attribute__((vector_size(16)));
typedef double D __attribute__((vector_size(16)));
constexpr int lanes = 4;

INLINE V load(const float* p) {
  V x;
  memcpy(&x, p, sizeof x);
  return x;
}
INLINE void store(float* p, V x) { memcpy(p, &x, sizeof x); }
INLINE V splat(float x) { return V{x, x, x, x}; }
INLINE VI splatInt(int32_t x) { return VI{x, x, x, x}; }
INLINE V fma(V a, V b, V c) { return a * b + c; }
INLINE V squareRoot(V x) {
  return V{__builtin_sqrtf(x[0]), __builtin_sqrtf(x[1]), __builtin_sqrtf(x[2]), __builtin_sqrtf(x[3])};
}
// Adding 1.5 * 2^23 leaves no bits for a fraction; good for |x| < 2^22.
INLINE V nearest(V x) {
  const V shift = splat(0x1.8p23f);
  return (x + shift) - shift;
}
INLINE VI toInt(V x) { return __builtin_convertvector(x, VI); }
INLINE V toFloat(VI x) { return __builtin_convertvector(x, V); }

INLINE D loadDouble(const double* p) {
  D x;
  memcpy(&x, p, sizeof x);
  return x;
}
INLINE void storeDouble(double* p, D x) { memcpy(p, &x, sizeof x); }
INLINE D splatDouble(double x) { return D{x, x}; }
INLINE D fmaDouble(D a, D b, D c) { return a * b + c; }
INLINE D squareRootDouble(D x) { return D{__builtin_sqrt(x[0]), __builtin_sqrt(x[1])}; }

constexpr int tileVectors = 2, tileOutputs = 6, tilePairs = 6;

// No table of numbers in registers.
constexpr int tableSize = 0;
INLINE V lookUp(V, V, VI) { return V{}; }

}  // namespace grokbox::KERNEL_NAMESPACE
