/** Below it the series needs few terms, above it the continued fraction does. */
const seriesLimit = 2;
/** e^{-x^2} is 0 in float64 beyond it. */
const erfcLimit = 27.3;
/** Enough levels of the continued fraction for full precision at `seriesLimit`. */
const fractionLevels = 120;

/** erf(x) = 2/sqrt(pi) integral of e^{-t^2} over 0..x, in float64 to a few units in the last place. */
export function erf(x: number): number {
  if (x < 0) return -erf(-x);
  return x < seriesLimit ? erfSeries(x) : 1 - erfc(x);
}

/** erfc(x) = 1 - erf(x), in float64, with relative precision 1e-13 also where erf(x) is almost 1. */
export function erfc(x: number): number {
  if (x < seriesLimit) return 1 - erf(x);
  if (x > erfcLimit) return 0;
  return erfcFraction(x);
}

/** erf(x) = 2/sqrt(pi) e^{-x^2} sum_n 2^n x^{2n+1} / (2n+1)!!: all terms of one sign, so nothing cancels. */
function erfSeries(x: number): number {
  const doubled = 2 * x * x;
  let term = x;
  let sum = x;
  for (let n = 1; term > sum * 1e-17; n++) {
    term *= doubled / (2 * n + 1);
    sum += term;
  }
  return (2 / Math.sqrt(Math.PI)) * Math.exp(-x * x) * sum;
}

/** erfc(x) = e^{-x^2}/sqrt(pi) / (x + (1/2)/(x + 1/(x + (3/2)/(x + ...)))), from the innermost level outwards. */
function erfcFraction(x: number): number {
  let denominator = x;
  for (let level = fractionLevels; level > 0; level--) denominator = x + level / 2 / denominator;
  return Math.exp(-x * x) / Math.sqrt(Math.PI) / denominator;
}
