// The activations and their derivatives, on vectors. `value` serves the forward pass, `both` the backward
// pass.
#pragma once
#include "abi.h"
#include "functions.h"

namespace grokbox::KERNEL_NAMESPACE {

struct ValueAndSlope {
  V value, slope;
};

// The step 1(z > 0) can be read off the value itself; the backward pass needs no slopes from it.
struct Relu {
  static constexpr bool slopeIsStep = true;
  INLINE V value(V z) { return larger(splat(0.f), z); }
  INLINE ValueAndSlope both(V z) { return {value(z), V{}}; }
};

// z Phi(z). Phi through erfc on the negative side, where 1 + erf would cancel.
struct Gelu {
  static constexpr bool slopeIsStep = false;
  INLINE ValueAndSlope both(V z) {
    const V gauss = expNonPositive(splat(-0.5f) * z * z);
    const V upper = splat(0.5f) * gauss * scaledErfc(magnitude(z) * splat(0.707106781f));
    const V phi = z < splat(0.f) ? upper : splat(1.f) - upper;
    return {z * phi, fma(z * splat(0.398942280f), gauss, phi)};
  }
  INLINE V value(V z) { return both(z).value; }
};

struct Square {
  static constexpr bool slopeIsStep = false;
  INLINE V value(V z) { return z * z; }
  INLINE ValueAndSlope both(V z) { return {z * z, z + z}; }
};

struct Identity {
  static constexpr bool slopeIsStep = false;
  INLINE V value(V z) { return z; }
  INLINE ValueAndSlope both(V z) { return {z, splat(1.f)}; }
};

struct Abs {
  static constexpr bool slopeIsStep = false;
  INLINE V value(V z) { return magnitude(z); }
  INLINE ValueAndSlope both(V z) {
    const V up = z > splat(0.f) ? splat(1.f) : splat(0.f);
    return {magnitude(z), z < splat(0.f) ? splat(-1.f) : up};
  }
};

struct Cube {
  static constexpr bool slopeIsStep = false;
  INLINE V value(V z) { return z * z * z; }
  INLINE ValueAndSlope both(V z) {
    const V square = z * z;
    return {square * z, splat(3.f) * square};
  }
};

struct Fourth {
  static constexpr bool slopeIsStep = false;
  INLINE V value(V z) { return (z * z) * (z * z); }
  INLINE ValueAndSlope both(V z) {
    const V square = z * z;
    return {square * square, splat(4.f) * square * z};
  }
};

struct Eighth {
  static constexpr bool slopeIsStep = false;
  INLINE V value(V z) { return both(z).value; }
  INLINE ValueAndSlope both(V z) {
    const V square = z * z, fourth = square * square;
    return {fourth * fourth, splat(8.f) * fourth * square * z};
  }
};

// log(1 + e^{2z}) = max(2z, 0) + log(1 + e^{-|2z|})
struct Softplus2 {
  static constexpr bool slopeIsStep = false;
  INLINE V value(V z) {
    const V twice = z + z;
    return larger(splat(0.f), twice) + log1p(expNonPositive(-magnitude(twice)));
  }
  INLINE ValueAndSlope both(V z) {
    const V twice = z + z, e = expNonPositive(-magnitude(twice));
    const V top = z < splat(0.f) ? e + e : splat(2.f);
    return {larger(splat(0.f), twice) + log1p(e), top / (splat(1.f) + e)};
  }
};

struct Exp {
  static constexpr bool slopeIsStep = false;
  INLINE V value(V z) { return exp(z); }
  INLINE ValueAndSlope both(V z) {
    const V e = exp(z);
    return {e, e};
  }
};

// Calls f with the activation's type, once, outside all loops.
template <class F>
static inline auto withActivation(Activation activation, F f) {
  switch (activation) {
    case Activation::gelu: return f(Gelu{});
    case Activation::square: return f(Square{});
    case Activation::identity: return f(Identity{});
    case Activation::abs: return f(Abs{});
    case Activation::cube: return f(Cube{});
    case Activation::fourth: return f(Fourth{});
    case Activation::eighth: return f(Eighth{});
    case Activation::softplus2: return f(Softplus2{});
    case Activation::exp: return f(Exp{});
    default: return f(Relu{});
  }
}

}  // namespace grokbox::KERNEL_NAMESPACE
