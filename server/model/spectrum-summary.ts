import { float32Angle } from "./angle.ts";
import { cosineFits } from "./cosine-fit.ts";
import {
  diversification,
  type FrequencyGroup,
  type MeanAndSpread,
  meanAndSpread,
} from "./diversification.ts";
import { atDominant, dominantFrequencies, type Spectrum, spectrum } from "./fourier.ts";
import { frequencyCount } from "./fourier-basis.ts";
import { layerAgreement, neuronsPerFrequency } from "./frequency-groups.ts";
import { harmonicLeakage } from "./harmonic-leakage.ts";
import { meanAbsSinMisalignment, misalignments } from "./misalignment.ts";
import { coefficientParticipationRatio, inverseParticipationRatio } from "./participation-ratio.ts";
import { meanOfPresent } from "./present-values.ts";

/**
 * Spectra of n neurons, and measures over all M; a measure that no neuron has is undefined. A constant row has no frequency: a neuron
 * whose theta is one counts in nothing that is at its dominant frequency.
 */
export interface SpectrumSummary {
  /** [n, K]; phases in radians, in [-pi, pi). */
  readonly thetaMagnitude: Float32Array;
  readonly thetaPhase: Float32Array;
  readonly xiMagnitude: Float32Array;
  readonly xiPhase: Float32Array;
  /** [n], mean of the row. */
  readonly thetaMean: Float32Array;
  readonly xiMean: Float32Array;
  /** [n], theta's k*, 1..K; 0 where theta is constant. */
  readonly dominantFrequency: Uint8Array;
  /** [n], radians, in [-pi, pi); 0 where a layer has no amplitude at k*. */
  readonly misalignment: Float32Array;
  /** [K], over all neurons, entry k - 1. */
  readonly neuronsPerFrequency: Uint32Array;
  readonly ipr: number | undefined;
  readonly iprTheta: number | undefined;
  readonly iprXi: number | undefined;
  readonly meanAbsSinMisalignment: number | undefined;
  /** Radians. */
  readonly maxAbsMisalignment: number | undefined;
  /** Share of the neurons that have a frequency in both layers, 0 to 1; 0 of none. */
  readonly layerAgreement: number;
  /** Of theta's and xi's magnitude at theta's k*. */
  readonly alpha: MeanAndSpread | undefined;
  readonly beta: MeanAndSpread | undefined;
  readonly thetaLayer: LayerSummary;
  readonly xiLayer: LayerSummary;
  /** Of frequency 1..K. */
  readonly groups: readonly FrequencyGroup[];
}

/** One layer at theta's k*. */
export interface LayerSummary {
  /** [n], R^2 of the neurons' cosine fits, 0 to 1; 0 for a constant row, and where theta is constant. */
  readonly cosineFit: Float32Array;
  /** Means over all neurons. */
  readonly meanCosineFit: number | undefined;
  readonly coefficientIpr: number | undefined;
  /** Of the harmonics h = 2..7: the median ratio over all neurons. */
  readonly leakage: readonly { readonly order: number; readonly median: number | undefined }[];
}

/**
 * Both layers' spectra with their measures.
 *
 * @param theta - [M, p] row-major
 * @param xi - [M, p] row-major
 * @param chosen - the n neurons whose coefficients to include, in this order
 */
export function summarizeSpectrum(
  theta: Float32Array | Float64Array,
  xi: Float32Array | Float64Array,
  modulus: number,
  chosen: readonly number[] | Uint32Array,
): SpectrumSummary {
  const inner = spectrum(theta, modulus);
  const outer = spectrum(xi, modulus);
  const dominant = dominantFrequencies(inner);
  const angles = misalignments(inner, outer, dominant);
  const present = angles.filter((angle) => angle !== undefined);
  const iprTheta = inverseParticipationRatio(inner);
  const iprXi = inverseParticipationRatio(outer);
  const neurons = [...dominant.keys()].filter((m) => dominant[m] > 0);
  const atFrequency = (of: Spectrum) =>
    neurons.length === 0
      ? undefined
      : meanAndSpread(neurons.map((m) => atDominant(of, of.magnitude, dominant, m)));
  const frequencies = frequencyCount(modulus);
  const rows = (values: Float64Array) => {
    const kept = new Float32Array(chosen.length * frequencies);
    for (const [row, m] of chosen.entries()) {
      kept.set(values.subarray(m * frequencies, (m + 1) * frequencies), row * frequencies);
    }
    return kept;
  };
  const layer = (of: Spectrum): LayerSummary => {
    const fits = cosineFits(of, dominant);
    return {
      cosineFit: Float32Array.from(chosen, (m) => fits[m] ?? 0),
      meanCosineFit: meanOfPresent(fits),
      coefficientIpr: coefficientParticipationRatio(of),
      leakage: harmonicLeakage(of, dominant).map(({ order, median }) => ({ order, median })),
    };
  };
  return {
    thetaMagnitude: rows(inner.magnitude),
    thetaPhase: rows(inner.phase).map(float32Angle),
    xiMagnitude: rows(outer.magnitude),
    xiPhase: rows(outer.phase).map(float32Angle),
    thetaMean: Float32Array.from(chosen, (m) => inner.mean[m] / Math.sqrt(modulus)),
    xiMean: Float32Array.from(chosen, (m) => outer.mean[m] / Math.sqrt(modulus)),
    dominantFrequency: Uint8Array.from(chosen, (m) => dominant[m]),
    misalignment: Float32Array.from(chosen, (m) => float32Angle(angles[m] ?? 0)),
    neuronsPerFrequency: neuronsPerFrequency(dominant, modulus),
    ipr: iprTheta === undefined || iprXi === undefined ? undefined : (iprTheta + iprXi) / 2,
    iprTheta,
    iprXi,
    meanAbsSinMisalignment: meanAbsSinMisalignment(inner, outer, dominant),
    maxAbsMisalignment:
      present.length === 0 ? undefined : present.reduce((max, angle) => Math.max(max, Math.abs(angle)), 0),
    layerAgreement: layerAgreement(dominant, dominantFrequencies(outer)),
    alpha: atFrequency(inner),
    beta: atFrequency(outer),
    thetaLayer: layer(inner),
    xiLayer: layer(outer),
    groups: diversification(inner, outer, dominant),
  };
}
