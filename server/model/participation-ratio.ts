import type { Spectrum } from "./fourier.ts";
import { frequencyCount } from "./fourier-basis.ts";
import { meanOfPresent } from "./present-values.ts";

/**
 * IPR of a layer per frequency: sum_k A_k^4 / (sum_k A_k^2)^2 over k = 1..K, averaged over its rows. 1 when every row is
 * a single cosine, whatever its phase; 1/K when each spreads evenly.
 *
 * @returns in [1/K, 1]; undefined when no row has energy at a nonzero frequency; such rows don't count
 */
export function inverseParticipationRatio(spectrum: Spectrum): number | undefined {
  const { width, magnitude } = spectrum;
  const count = frequencyCount(spectrum.modulus);
  return meanOfPresent(
    Array.from({ length: width }, (_, m) => participation(magnitude.subarray(m * count, (m + 1) * count))),
  );
}

/**
 * IPR of a layer per coefficient, as the blog's figure 14(d) has it: sum c^4 / (sum c^2)^2 over all p coefficients of a
 * row, the mean's, the cosines' and the sines', averaged over the rows. A pure cosine scores 1/2 to 1 by its phase,
 * 3/4 on average.
 *
 * @returns in [1/p, 1]; undefined when all rows are zero; zero rows don't count
 */
export function coefficientParticipationRatio(spectrum: Spectrum): number | undefined {
  const { width, mean, cosine, sine } = spectrum;
  const count = frequencyCount(spectrum.modulus);
  return meanOfPresent(
    Array.from({ length: width }, (_, m) =>
      participation([
        mean[m],
        ...cosine.subarray(m * count, (m + 1) * count),
        ...sine.subarray(m * count, (m + 1) * count),
      ]),
    ),
  );
}

function participation(amplitudes: Iterable<number>): number | undefined {
  let energy = 0;
  let fourth = 0;
  for (const amplitude of amplitudes) {
    energy += amplitude ** 2;
    fourth += amplitude ** 4;
  }
  return energy > 0 ? fourth / energy ** 2 : undefined;
}
