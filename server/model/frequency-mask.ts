import { layerOf, spectrum } from "./fourier.ts";
import { frequencyCount } from "./fourier-basis.ts";

/**
 * What rows have at some frequencies; means are none of it.
 *
 * @param rows - [M, p] row-major
 * @param frequencies - 1..K
 * @returns [M, p]
 */
export function frequencyComponent(
  rows: Float32Array | Float64Array,
  modulus: number,
  frequencies: readonly number[],
): Float64Array {
  const full = spectrum(rows, modulus);
  const count = frequencyCount(modulus);
  const chosen = new Set(frequencies);
  const only = (values: Float64Array) => values.map((value, i) => (chosen.has((i % count) + 1) ? value : 0));
  return layerOf({
    ...full,
    mean: new Float64Array(full.width),
    cosine: only(full.cosine),
    sine: only(full.sine),
  });
}

/**
 * The rows without their components at some frequencies; means stay. Rows that have no energy there stay as they are, to the bit.
 *
 * @param rows - [M, p] row-major
 * @param removed - frequencies, 1..K
 * @returns [M, p], computed in float64 and rounded
 */
export function removeFrequencies(
  rows: Float32Array,
  modulus: number,
  removed: readonly number[],
): Float32Array {
  const component = frequencyComponent(rows, modulus, removed);
  return rows.map((value, i) => value - component[i]!);
}

/** All frequencies of Z_p but some, 1..K. */
export function otherFrequencies(modulus: number, kept: readonly number[]): number[] {
  const stays = new Set(kept);
  return Array.from({ length: frequencyCount(modulus) }, (_, i) => i + 1).filter((k) => !stays.has(k));
}
