/** K = (p - 1) / 2, the number of nonzero frequencies w_k = 2 pi k / p, k = 1..K. */
export function frequencyCount(modulus: number): number {
  return (modulus - 1) / 2;
}

/** cos and sin of w_k j for k, j = 1..K: [K, K], entry (k - 1) K + j - 1. */
export interface HalfBasis {
  readonly cosines: Float64Array;
  readonly sines: Float64Array;
}

/**
 * Half of the trigonometric tables of Z_p, which is enough: cos is even and sin odd in j, so a transform needs only
 * the even and the odd part of a row.
 */
export function halfBasis(modulus: number): HalfBasis {
  const count = frequencyCount(modulus);
  const cosines = new Float64Array(count * count);
  const sines = new Float64Array(count * count);
  for (let k = 1; k <= count; k++) {
    for (let j = 1; j <= count; j++) {
      // Angles are reduced to (-pi, pi) in integers, where they are exact.
      const residue = (k * j) % modulus;
      const angle = (2 * Math.PI * (residue > count ? residue - modulus : residue)) / modulus;
      cosines[(k - 1) * count + j - 1] = Math.cos(angle);
      sines[(k - 1) * count + j - 1] = Math.sin(angle);
    }
  }
  return { cosines, sines };
}
