import { atDominant, type Spectrum } from "./fourier.ts";
import { frequencyCount } from "./fourier-basis.ts";
import { medianOfPresent } from "./present-values.ts";

/** Harmonics whose leakage is measured. */
export const harmonicOrders = [2, 3, 4, 5, 6, 7] as const;

/** How much of a layer's amplitude has leaked to one harmonic of the dominant frequency. */
export interface HarmonicLeakage {
  /** h */
  readonly order: number;
  /** [M], A(h k*) / A(k*); undefined where h k* is 0 mod p or folds back onto k*, and where the row has no amplitude at k*. */
  readonly ratios: readonly (number | undefined)[];
  /** Over the neurons that have one. */
  readonly median: number | undefined;
}

/**
 * Leakage to the harmonics h = 2..7 of a layer. A purely quadratic network keeps its frequencies; ReLU leaks to odd
 * harmonics in theta and to all in xi. Paper, figure 13.
 *
 * @param dominant - [M], theta's k*, for xi too
 */
export function harmonicLeakage(spectrum: Spectrum, dominant: Uint8Array): HarmonicLeakage[] {
  const count = frequencyCount(spectrum.modulus);
  return harmonicOrders.map((order) => {
    const ratios = Array.from(dominant, (frequency, m) => {
      const harmonic = foldedHarmonic(order, frequency, spectrum.modulus);
      const fundamental = atDominant(spectrum, spectrum.magnitude, dominant, m);
      if (harmonic === 0 || harmonic === frequency || fundamental === 0) return undefined;
      return spectrum.magnitude[m * count + harmonic - 1] / fundamental;
    });
    return { order, ratios, median: medianOfPresent(ratios) };
  });
}

/** The frequency in 0..K that h k is on Z_p: cos(w_{hk} j) = cos(w_{p - hk} j). */
export function foldedHarmonic(order: number, frequency: number, modulus: number): number {
  const residue = (order * frequency) % modulus;
  return Math.min(residue, modulus - residue);
}
