import { atDominant, type Spectrum } from "./fourier.ts";
import { frequencyCount } from "./fourier-basis.ts";

/**
 * R^2 of the cosine fit of every row: the share A_k*^2 / sum_k A_k^2 of its energy, mean excluded, that lies at k*.
 *
 * @param dominant - [M], theta's k*, for xi too
 * @returns [M], in [0, 1]; undefined for a row without energy at any nonzero frequency, and without a k*
 */
export function cosineFits(spectrum: Spectrum, dominant: Uint8Array): (number | undefined)[] {
  const count = frequencyCount(spectrum.modulus);
  return Array.from(dominant, (_, m) => {
    const row = spectrum.magnitude.subarray(m * count, (m + 1) * count);
    const energy = row.reduce((sum, magnitude) => sum + magnitude * magnitude, 0);
    return dominant[m] > 0 && energy > 0
      ? atDominant(spectrum, spectrum.magnitude, dominant, m) ** 2 / energy
      : undefined;
  });
}
