import { frequencyCount, halfBasis } from "./fourier-basis.ts";

/** Spectral progress measures of a network. A measure that no neuron has (all rows constant) is undefined. */
export interface SpectralMeasures {
  /** Mean of `iprTheta` and `iprXi`. */
  readonly ipr: number | undefined;
  /** Mean over the rows of theta of sum_k A_k^4 / (sum_k A_k^2)^2, in [1/K, 1]. */
  readonly iprTheta: number | undefined;
  /** The same of xi. */
  readonly iprXi: number | undefined;
  /** Mean over neurons of |sin D_m|, D_m = 2 phi_m - psi_m at theta's k*, in [0, 1]. */
  readonly meanAbsSinMisalignment: number | undefined;
  /** Mean over the rows of theta of the R^2 of the row and its component at k*, A_k*^2 / sum_k A_k^2, in [0, 1]. */
  readonly thetaCosineFit: number | undefined;
  /** The same of xi, at theta's k*; without the neurons whose theta has none. */
  readonly xiCosineFit: number | undefined;
}

/**
 * Computes the spectral progress measures of networks of one modulus, often: tables and scratch are made once, and a
 * measurement allocates only its result. Equal to `inverseParticipationRatio`, `meanAbsSinMisalignment` and the mean of
 * `cosineFits` of the full spectra; rows without energy at any nonzero frequency are left out of the means, as there.
 *
 * Even and odd parts of a row halve the transform to 2 K^2 multiplications. Both rows of a neuron and two frequencies
 * go through the inner loop together, which does eight multiplications for eight loads.
 */
export class SpectralMeter {
  readonly #modulus: number;
  /** cos and sin of w_k j, [frequency pair, j, 4]; an odd K is filled up with a frequency of zeros. */
  readonly #table: Float64Array;
  /** [K, 4]: even and odd part of theta's row, even and odd part of xi's, at j = 1..K. */
  readonly #folded: Float64Array;
  /** [K, 4], K rounded up to even: cos and sin coefficients of theta's row, then of xi's, but for the factor sqrt(2/p). */
  readonly #coefficients: Float64Array;

  /** @param modulus - p, odd */
  constructor(modulus: number) {
    const count = frequencyCount(modulus);
    this.#modulus = modulus;
    this.#table = pairedTable(modulus);
    this.#folded = new Float64Array(4 * count);
    this.#coefficients = new Float64Array(4 * (count + (count % 2)));
  }

  /**
   * @param theta - [M, p] row-major
   * @param xi - [M, p] row-major
   */
  measure(theta: Float32Array, xi: Float32Array): SpectralMeasures {
    const modulus = this.#modulus;
    const coefficients = this.#coefficients;
    let thetaRows = 0;
    let xiRows = 0;
    let xiFits = 0;
    let neurons = 0;
    let thetaSum = 0;
    let xiSum = 0;
    let misalignmentSum = 0;
    let thetaFitSum = 0;
    let xiFitSum = 0;
    for (let start = 0; start < theta.length; start += modulus) {
      fold(theta, start, modulus, this.#folded, 0);
      fold(xi, start, modulus, this.#folded, 2);
      transform(this.#folded, this.#table, coefficients);
      let thetaEnergy = 0;
      let thetaFourth = 0;
      let xiEnergy = 0;
      let xiFourth = 0;
      let dominant = 0;
      let dominantEnergy = 0;
      for (let i = 0; i < coefficients.length; i += 4) {
        const thetaSquare = coefficients[i] ** 2 + coefficients[i + 1] ** 2;
        const xiSquare = coefficients[i + 2] ** 2 + coefficients[i + 3] ** 2;
        thetaEnergy += thetaSquare;
        thetaFourth += thetaSquare * thetaSquare;
        xiEnergy += xiSquare;
        xiFourth += xiSquare * xiSquare;
        if (thetaSquare > dominantEnergy) {
          dominant = i;
          dominantEnergy = thetaSquare;
        }
      }
      const c = coefficients[dominant];
      const s = coefficients[dominant + 1];
      const u = coefficients[dominant + 2];
      const v = coefficients[dominant + 3];
      if (thetaEnergy > 0) {
        thetaRows++;
        thetaSum += thetaFourth / (thetaEnergy * thetaEnergy);
        thetaFitSum += dominantEnergy / thetaEnergy;
      }
      if (xiEnergy > 0) {
        xiRows++;
        xiSum += xiFourth / (xiEnergy * xiEnergy);
        if (thetaEnergy > 0) {
          xiFits++;
          xiFitSum += (u * u + v * v) / xiEnergy;
        }
      }
      // e^{i phi} is (c - i s) / |c - i s| and e^{i psi} is (u - i v) / |u - i v|, so sin(2 phi - psi) needs no angle.
      const scale = dominantEnergy * Math.sqrt(u * u + v * v);
      if (scale > 0) {
        neurons++;
        misalignmentSum += Math.abs((c - s) * (c + s) * v - 2 * c * s * u) / scale;
      }
    }
    const iprTheta = thetaRows > 0 ? thetaSum / thetaRows : undefined;
    const iprXi = xiRows > 0 ? xiSum / xiRows : undefined;
    return {
      ipr: iprTheta === undefined || iprXi === undefined ? undefined : (iprTheta + iprXi) / 2,
      iprTheta,
      iprXi,
      meanAbsSinMisalignment: neurons > 0 ? misalignmentSum / neurons : undefined,
      thetaCosineFit: thetaRows > 0 ? thetaFitSum / thetaRows : undefined,
      xiCosineFit: xiFits > 0 ? xiFitSum / xiFits : undefined,
    };
  }
}

function pairedTable(modulus: number): Float64Array {
  const count = frequencyCount(modulus);
  const { cosines, sines } = halfBasis(modulus);
  const table = new Float64Array(2 * count * (count + (count % 2)));
  for (let k = 0; k < count; k++) {
    for (let j = 0; j < count; j++) {
      const entry = 4 * ((k >> 1) * count + j) + 2 * (k & 1);
      table[entry] = cosines[k * count + j];
      table[entry + 1] = sines[k * count + j];
    }
  }
  return table;
}

/** Even and odd part of the row at `start`, less its first entry, which no nonzero frequency sees. */
function fold(
  weights: Float32Array,
  start: number,
  modulus: number,
  folded: Float64Array,
  column: number,
): void {
  const first = weights[start];
  for (let i = column, j = 1; i < folded.length; i += 4, j++) {
    const ahead = weights[start + j] - first;
    const behind = weights[start + modulus - j] - first;
    folded[i] = ahead + behind;
    folded[i + 1] = ahead - behind;
  }
}

function transform(folded: Float64Array, table: Float64Array, coefficients: Float64Array): void {
  let entry = 0;
  for (let k = 0; k < coefficients.length; k += 8) {
    let thetaCosine = 0;
    let thetaSine = 0;
    let xiCosine = 0;
    let xiSine = 0;
    let nextThetaCosine = 0;
    let nextThetaSine = 0;
    let nextXiCosine = 0;
    let nextXiSine = 0;
    for (let j = 0; j < folded.length; j += 4, entry += 4) {
      const thetaEven = folded[j];
      const thetaOdd = folded[j + 1];
      const xiEven = folded[j + 2];
      const xiOdd = folded[j + 3];
      const cosine = table[entry];
      const sine = table[entry + 1];
      const nextCosine = table[entry + 2];
      const nextSine = table[entry + 3];
      thetaCosine += thetaEven * cosine;
      thetaSine += thetaOdd * sine;
      xiCosine += xiEven * cosine;
      xiSine += xiOdd * sine;
      nextThetaCosine += thetaEven * nextCosine;
      nextThetaSine += thetaOdd * nextSine;
      nextXiCosine += xiEven * nextCosine;
      nextXiSine += xiOdd * nextSine;
    }
    coefficients[k] = thetaCosine;
    coefficients[k + 1] = thetaSine;
    coefficients[k + 2] = xiCosine;
    coefficients[k + 3] = xiSine;
    coefficients[k + 4] = nextThetaCosine;
    coefficients[k + 5] = nextThetaSine;
    coefficients[k + 6] = nextXiCosine;
    coefficients[k + 7] = nextXiSine;
  }
}
