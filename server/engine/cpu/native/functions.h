// Transcendental functions of a vector of float32, each to a few units in the last place. All are branch-free
// and made of correctly rounded operations only, so they have the same bits wherever there is a fused
// multiply-add.
#pragma once
#include "vec.h"

namespace grokbox::KERNEL_NAMESPACE {

// Horner's rule, highest coefficient first.
template <class... C>
INLINE V polynomial(V x, float highest, C... rest) {
  V r = splat(highest);
  ((r = fma(r, x, splat(rest))), ...);
  return r;
}

// 2^n for integers -126 <= n <= 127.
INLINE V powerOfTwo(VI n) { return fromBits((n + 127) << 23); }

// x = n log 2 + r with |r| <= log(2)/2; log 2 in two parts, the first short enough for n times it to be
// exact.
INLINE V reduceToHalfLog2(V x, V& n) {
  n = nearest(x * splat(1.44269504f));
  return fma(n, splat(2.12194440e-4f), fma(n, splat(-0.693359375f), x));
}

// e^r, |r| <= log(2)/2, to 3e-10 but for rounding.
INLINE V expReduced(V r) {
  const V q =
      polynomial(r, 1.989198131e-4f, 1.393454193e-3f, 8.333310024e-3f, 4.166645681e-2f, 0.1666666668f, 0.5f);
  return fma(r * r, q, r) + splat(1.f);
}

// e^x for x <= 0. Below the smallest normal number, 0.
INLINE V expNonPositive(V x) {
  V n;
  const V r = reduceToHalfLog2(larger(splat(-87.f), x), n);
  const V y = expReduced(r) * powerOfTwo(toInt(n));
  return x < splat(-87.f) ? splat(0.f) : y;
}

// e^x for any x: infinity above 88.72, and to the last subnormal below.
INLINE V exp(V x) {
  V n;
  const V r = reduceToHalfLog2(larger(splat(-105.f), smaller(splat(90.f), x)), n);
  // 2^n may itself be out of range; half of it twice is not.
  const VI m = toInt(n), half = m >> 1;
  const V y = expReduced(r) * powerOfTwo(half) * powerOfTwo(m - half);
  return x != x ? x : y;
}

// log(1 + x) for x >= 0, relatively accurate also where 1 + x rounds to 1.
INLINE V log1p(V x) {
  const V u = splat(1.f) + x;
  // u = 2^e m, sqrt(1/2) <= m < sqrt(2)
  const VI e = (bits(u) - 0x3f3504f3) >> 23;
  const V f = fromBits(bits(u) - (e << 23)) - splat(1.f), n = toFloat(e);
  const V q =
      polynomial(f, 7.0376836292e-2f, -1.1514610310e-1f, 1.1676998740e-1f, -1.2420140846e-1f,
                 1.4249322787e-1f, -1.6668057665e-1f, 2.0000714765e-1f, -2.4999993993e-1f, 3.3333331174e-1f);
  const V square = f * f;
  const V tail = fma(splat(-0.5f), square, fma(f * square, q, n * splat(-2.12194440e-4f)));
  // What rounding 1 + x lost, to first order.
  const V lost = (x - (u - splat(1.f))) / u;
  const V y = fma(n, splat(0.693359375f), f + (tail + lost));
  return x < splat(3e38f) ? y : x;
}

// erfc(z) e^{z^2} for z >= 0: t times a polynomial in t = 1 / (1 + 0.35 z), interpolated at Chebyshev nodes
// over 0 <= z <= 10; to 1e-8 but for rounding.
INLINE V scaledErfc(V z) {
  const V t = splat(1.f) / fma(splat(0.35f), z, splat(1.f));
  return t * polynomial(t, 0.0366547279f, -0.1495435352f, 0.1596412149f, 0.00104561349f, 0.06340511023f,
                        0.1585546898f, 0.1469157809f, 0.1888063984f, 0.1970307378f, 0.1974892664f);
}

}  // namespace grokbox::KERNEL_NAMESPACE
