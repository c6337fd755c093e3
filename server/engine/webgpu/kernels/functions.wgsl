// Transcendental functions to a few units in the last place; the built-in ones promise less. The same approximations as in the CPU's
// functions.h.

fn reduceToHalfLog2(x: vec4f, n: vec4f) -> vec4f {
  return fma(n, vec4f(2.12194440e-4), fma(n, vec4f(-0.693359375), x));
}

// e^r, |r| <= log(2)/2
fn expReduced(r: vec4f) -> vec4f {
  var q = vec4f(1.989198131e-4);
  q = fma(q, r, vec4f(1.393454193e-3));
  q = fma(q, r, vec4f(8.333310024e-3));
  q = fma(q, r, vec4f(4.166645681e-2));
  q = fma(q, r, vec4f(0.1666666668));
  q = fma(q, r, vec4f(0.5));
  return fma(r * r, q, r) + vec4f(1.0);
}

// 2^n, -126 <= n <= 127
fn powerOfTwo(n: vec4i) -> vec4f { return bitcast<vec4f>((n + vec4i(127)) << vec4u(23u)); }

// e^x, x <= 0; below the smallest normal number, 0
fn expNonPositive(x: vec4f) -> vec4f {
  let bounded = max(x, vec4f(-87.0));
  let n = round(bounded * 1.44269504);
  let y = expReduced(reduceToHalfLog2(bounded, n)) * powerOfTwo(vec4i(n));
  return select(y, vec4f(0.0), x < vec4f(-87.0));
}

// e^x; infinity above 88.72. 2^n may itself be out of range; half of it twice is not.
fn expAny(x: vec4f) -> vec4f {
  let bounded = clamp(x, vec4f(-105.0), vec4f(90.0));
  let n = round(bounded * 1.44269504);
  let whole = vec4i(n);
  let half = whole >> vec4u(1u);
  return expReduced(reduceToHalfLog2(bounded, n)) * powerOfTwo(half) * powerOfTwo(whole - half);
}

// log(1 + x) for x >= 0, relatively accurate also where 1 + x rounds to 1
fn log1p(x: vec4f) -> vec4f {
  let u = vec4f(1.0) + x;
  // u = 2^e m, sqrt(1/2) <= m < sqrt(2)
  let e = (bitcast<vec4i>(u) - vec4i(0x3f3504f3)) >> vec4u(23u);
  let f = bitcast<vec4f>(bitcast<vec4i>(u) - (e << vec4u(23u))) - vec4f(1.0);
  let n = vec4f(e);
  var q = vec4f(7.0376836292e-2);
  q = fma(q, f, vec4f(-1.1514610310e-1));
  q = fma(q, f, vec4f(1.1676998740e-1));
  q = fma(q, f, vec4f(-1.2420140846e-1));
  q = fma(q, f, vec4f(1.4249322787e-1));
  q = fma(q, f, vec4f(-1.6668057665e-1));
  q = fma(q, f, vec4f(2.0000714765e-1));
  q = fma(q, f, vec4f(-2.4999993993e-1));
  q = fma(q, f, vec4f(3.3333331174e-1));
  let square = f * f;
  let tail = fma(vec4f(-0.5), square, fma(f * square, q, n * -2.12194440e-4));
  // What rounding 1 + x lost, to first order. The integer in between keeps a compiler from taking (1 + x) - 1 for x.
  let rounded = bitcast<vec4f>(bitcast<vec4i>(u) | vec4i(0));
  let lost = (x - (rounded - vec4f(1.0))) / u;
  return fma(n, vec4f(0.693359375), f + (tail + lost));
}

// erfc(z) e^{z^2} for z >= 0, to 1e-8 but for rounding
fn scaledErfc(z: vec4f) -> vec4f {
  let t = vec4f(1.0) / fma(z, vec4f(0.35), vec4f(1.0));
  var q = vec4f(0.0366547279);
  q = fma(q, t, vec4f(-0.1495435352));
  q = fma(q, t, vec4f(0.1596412149));
  q = fma(q, t, vec4f(0.00104561349));
  q = fma(q, t, vec4f(0.06340511023));
  q = fma(q, t, vec4f(0.1585546898));
  q = fma(q, t, vec4f(0.1469157809));
  q = fma(q, t, vec4f(0.1888063984));
  q = fma(q, t, vec4f(0.1970307378));
  q = fma(q, t, vec4f(0.1974892664));
  return t * q;
}
