import { wrapAngle } from "./angle.ts";
import { frequencyCount, halfBasis } from "./fourier-basis.ts";

/**
 * One layer in the orthonormal real Fourier basis of Z_p: 1/sqrt(p), sqrt(2/p) cos(w_k j), sqrt(2/p) sin(w_k j),
 * w_k = 2 pi k / p, k = 1..K, K = (p - 1) / 2. Row m of the layer is
 * mean_m / sqrt(p) + sum_k magnitude_mk cos(w_k j + phase_mk). All [M, K] arrays are row-major, column k - 1.
 */
export interface Spectrum {
  readonly modulus: number;
  readonly width: number;
  /** [M], coefficient of 1/sqrt(p). */
  readonly mean: Float64Array;
  /** [M, K], coefficient c of sqrt(2/p) cos(w_k j). */
  readonly cosine: Float64Array;
  /** [M, K], coefficient s of sqrt(2/p) sin(w_k j). */
  readonly sine: Float64Array;
  /** [M, K], sqrt(2/p) sqrt(c^2 + s^2): alpha in theta, beta in xi. */
  readonly magnitude: Float64Array;
  /** [M, K], atan2(-s, c) in [-pi, pi): phi in theta, psi in xi; 0 where the magnitude is. */
  readonly phase: Float64Array;
}

/**
 * Fourier transform of every row of a layer, in float64.
 *
 * @param weights - [M, p] row-major
 */
export function spectrum(weights: Float32Array | Float64Array, modulus: number): Spectrum {
  const width = weights.length / modulus;
  const count = frequencyCount(modulus);
  const { cosines, sines } = halfBasis(modulus);
  const scale = Math.sqrt(2 / modulus);
  const even = new Float64Array(count);
  const odd = new Float64Array(count);
  const mean = new Float64Array(width);
  const cosine = new Float64Array(width * count);
  const sine = new Float64Array(width * count);
  for (let m = 0; m < width; m++) {
    const row = weights.subarray(m * modulus, (m + 1) * modulus);
    // Less row[0], which no nonzero frequency sees: a constant row then has exactly no energy on them.
    let sum = 0;
    for (let j = 1; j <= count; j++) {
      even[j - 1] = row[j] - row[0] + (row[modulus - j] - row[0]);
      odd[j - 1] = row[j] - row[modulus - j];
      sum += even[j - 1];
    }
    mean[m] = (sum + modulus * row[0]) / Math.sqrt(modulus);
    for (let k = 0; k < count; k++) {
      let c = 0;
      let s = 0;
      for (let j = 0; j < count; j++) {
        c += even[j] * cosines[k * count + j];
        s += odd[j] * sines[k * count + j];
      }
      cosine[m * count + k] = scale * c;
      sine[m * count + k] = scale * s;
    }
  }
  return {
    modulus,
    width,
    mean,
    cosine,
    sine,
    magnitude: cosine.map((c, i) => scale * Math.hypot(c, sine[i])),
    phase: cosine.map((c, i) => (c === 0 && sine[i] === 0 ? 0 : wrapAngle(Math.atan2(-sine[i], c)))),
  };
}

/** The layer of a spectrum: the inverse transform, [M, p] row-major. */
export function layerOf(spectrum: Spectrum): Float64Array {
  const { modulus, width, mean, cosine, sine } = spectrum;
  const count = frequencyCount(modulus);
  const { cosines, sines } = halfBasis(modulus);
  const scale = Math.sqrt(2 / modulus);
  const weights = new Float64Array(width * modulus);
  for (let m = 0; m < width; m++) {
    const level = mean[m] / Math.sqrt(modulus);
    let atZero = 0;
    for (let k = 0; k < count; k++) atZero += cosine[m * count + k];
    weights[m * modulus] = level + scale * atZero;
    for (let j = 1; j <= count; j++) {
      let even = 0;
      let odd = 0;
      for (let k = 0; k < count; k++) {
        even += cosine[m * count + k] * cosines[k * count + j - 1];
        odd += sine[m * count + k] * sines[k * count + j - 1];
      }
      weights[m * modulus + j] = level + scale * (even + odd);
      weights[(m + 1) * modulus - j] = level + scale * (even - odd);
    }
  }
  return weights;
}

/**
 * k* of every row: the frequency of largest magnitude, ties to the lowest.
 *
 * @returns [M], values 1..K; 0 for a constant row, which has no frequency
 */
export function dominantFrequencies(spectrum: Spectrum): Uint8Array {
  const { width, magnitude } = spectrum;
  const count = frequencyCount(spectrum.modulus);
  const dominant = new Uint8Array(width);
  for (let m = 0; m < width; m++) {
    let largest = 0;
    for (let k = 1; k <= count; k++) {
      const size = magnitude[m * count + k - 1];
      if (size > largest) {
        dominant[m] = k;
        largest = size;
      }
    }
  }
  return dominant;
}

/** Entry of an [M, K] array of a spectrum at neuron m and that neuron's dominant frequency; 0 for a neuron without one. */
export function atDominant(
  spectrum: Spectrum,
  values: Float64Array,
  dominant: Uint8Array,
  neuron: number,
): number {
  const k = dominant[neuron];
  return k === 0 ? 0 : values[neuron * frequencyCount(spectrum.modulus) + k - 1];
}
