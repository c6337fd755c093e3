import { type MeanAndSpread, meanAndSpread } from "./diversification.ts";
import { atDominant, dominantFrequencies, spectrum } from "./fourier.ts";
import { frequencyCount } from "./fourier-basis.ts";
import { layerAgreement, neuronsPerFrequency } from "./frequency-groups.ts";
import { meanAbsSinMisalignment, misalignments } from "./misalignment.ts";
import { inverseParticipationRatio } from "./participation-ratio.ts";

/** Spectra of n consecutive neurons, and measures over all M; a measure that no neuron has is undefined. */
export interface SpectrumSummary {
  /** [n, K]; phases in radians, -pi to pi. */
  readonly thetaMagnitude: Float32Array;
  readonly thetaPhase: Float32Array;
  readonly xiMagnitude: Float32Array;
  readonly xiPhase: Float32Array;
  /** [n], theta's k*, 1..K. */
  readonly dominantFrequency: Uint8Array;
  /** [n], radians, -pi to pi; 0 where a layer has no amplitude at k*. */
  readonly misalignment: Float32Array;
  /** [K], over all neurons, entry k - 1. */
  readonly neuronsPerFrequency: Uint32Array;
  readonly ipr: number | undefined;
  readonly iprTheta: number | undefined;
  readonly iprXi: number | undefined;
  readonly meanAbsSinMisalignment: number | undefined;
  /** Radians. */
  readonly maxAbsMisalignment: number | undefined;
  /** Share of neurons, 0 to 1. */
  readonly layerAgreement: number;
  /** Of theta's and xi's magnitude at theta's k*. */
  readonly alpha: MeanAndSpread;
  readonly beta: MeanAndSpread;
}

/**
 * Both layers' spectra with their measures.
 *
 * @param theta - [M, p] row-major
 * @param xi - [M, p] row-major
 * @param first - first neuron whose coefficients to include
 * @param count - number of such neurons, n
 */
export function summarizeSpectrum(
  theta: Float32Array | Float64Array,
  xi: Float32Array | Float64Array,
  modulus: number,
  first = 0,
  count: number = theta.length / modulus - first,
): SpectrumSummary {
  const inner = spectrum(theta, modulus);
  const outer = spectrum(xi, modulus);
  const dominant = dominantFrequencies(inner);
  const angles = misalignments(inner, outer, dominant);
  const present = angles.filter((angle) => angle !== undefined);
  const iprTheta = inverseParticipationRatio(inner);
  const iprXi = inverseParticipationRatio(outer);
  const neurons = [...dominant.keys()];
  const frequencies = frequencyCount(modulus);
  const rows = (values: Float64Array) =>
    Float32Array.from(values.subarray(first * frequencies, (first + count) * frequencies));
  return {
    thetaMagnitude: rows(inner.magnitude),
    thetaPhase: rows(inner.phase),
    xiMagnitude: rows(outer.magnitude),
    xiPhase: rows(outer.phase),
    dominantFrequency: dominant.slice(first, first + count),
    misalignment: Float32Array.from(angles.slice(first, first + count), (angle) => angle ?? 0),
    neuronsPerFrequency: neuronsPerFrequency(dominant, modulus),
    ipr: iprTheta === undefined || iprXi === undefined ? undefined : (iprTheta + iprXi) / 2,
    iprTheta,
    iprXi,
    meanAbsSinMisalignment: meanAbsSinMisalignment(inner, outer, dominant),
    maxAbsMisalignment:
      present.length === 0 ? undefined : present.reduce((max, angle) => Math.max(max, Math.abs(angle)), 0),
    layerAgreement: layerAgreement(dominant, dominantFrequencies(outer)),
    alpha: meanAndSpread(neurons.map((m) => atDominant(inner, inner.magnitude, dominant, m))),
    beta: meanAndSpread(neurons.map((m) => atDominant(outer, outer.magnitude, dominant, m))),
  };
}
