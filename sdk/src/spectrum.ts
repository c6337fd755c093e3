import type { SpectrumResponse } from "@grokbox/proto/analysis";
import { defined } from "./defined.ts";
import { badAnswer, GrokboxError } from "./error.ts";
import { fromFloat32Tensor, fromUint32Tensor, type Tensor } from "./tensor.ts";
import { fromUint64 } from "./uint64.ts";

/**
 * Fourier spectra of both layers at one step, K = (p-1)/2 frequencies, n neurons. The row of a neuron is its mean plus
 * sum_k magnitude_k cos(2 pi k j / p + phase_k), k = 1..K. Means over neurons leave out constant rows, which have no
 * frequency, and are absent when all are constant; what is at a neuron's dominant frequency leaves out the neurons whose
 * theta is constant.
 */
export interface Spectrum {
  /** The step analysed. */
  readonly step: number;
  /** The neurons that the n rows are of. */
  readonly neurons: readonly number[];
  readonly theta: LayerSpectrum;
  readonly xi: LayerSpectrum;
  /** [n], frequency 1..K of the largest magnitude of theta; 0 where theta is constant. */
  readonly dominantFrequency: Tensor<Uint32Array>;
  /** [n], 2 phi - psi at the dominant frequency, radians in [-pi, pi); 0 where a layer has no magnitude there. */
  readonly misalignment: Tensor;
  /** Of all M neurons, how many have frequency 1, 2, ... K as their dominant one. */
  readonly neuronsPerFrequency: readonly number[];
  /** Inverse participation ratios, means over all neurons, and the mean of both. */
  readonly ipr: { readonly theta?: number; readonly xi?: number; readonly mean?: number };
  /** Of |sin misalignment| over all neurons, 0 to 1. */
  readonly meanAbsSinMisalignment?: number;
  /** Over all neurons, radians. */
  readonly maxAbsMisalignment?: number;
  /** Of the neurons whose layers both have a dominant frequency, the share that has the same one, 0 to 1; 0 of none. */
  readonly layerAgreement: number;
  /** Magnitude of theta at the dominant frequency, over all neurons. */
  readonly alpha?: MeanAndSpread;
  /** Magnitude of xi at theta's dominant frequency, over all neurons. */
  readonly beta?: MeanAndSpread;
  /** The neurons of each frequency 1, 2, ... K. */
  readonly groups: readonly FrequencyGroup[];
}

/** One layer; at theta's dominant frequencies, the other layer too. */
export interface LayerSpectrum {
  /** [n, K] */
  readonly magnitude: Tensor;
  /** [n, K], radians in [-pi, pi). */
  readonly phase: Tensor;
  /** [n], of the row. */
  readonly mean: Tensor;
  /** [n], the share of a neuron's energy, mean excluded, that is at its dominant frequency, 0 to 1; 0 for a constant row, and where theta is constant. */
  readonly cosineFit: Tensor;
  /** The same, mean over all neurons. */
  readonly meanCosineFit?: number;
  /** Inverse participation ratio over all p coefficients, mean over all neurons; a pure cosine scores 0.75 on average. */
  readonly coefficientIpr?: number;
  /** For the harmonics h = 2..7: the median over all neurons of the magnitude at h k* over that at k*. */
  readonly harmonicLeakage: readonly { readonly order: number; readonly medianRatio?: number }[];
}

/** The neurons of one dominant frequency. */
export interface FrequencyGroup {
  readonly frequency: number;
  /** How many. */
  readonly neurons: number;
  /** |mean of e^{i n phi}| for n = 1..4, 0 when phases are spread evenly; empty for no neurons. */
  readonly phaseConcentration: readonly number[];
  /** Magnitude of theta, of xi, and alpha^2 beta, the strength of a neuron's vote. Absent for no neurons. */
  readonly alpha?: MeanAndSpread;
  readonly beta?: MeanAndSpread;
  readonly vote?: MeanAndSpread;
}

export interface MeanAndSpread {
  readonly mean: number;
  /** Population standard deviation. */
  readonly spread: number;
}

/** Neurons of a layer. */
export interface NeuronRange {
  /** @default 0 */
  readonly first?: number | undefined;
  /** @default all that follow `first` */
  readonly count?: number | undefined;
}

/** One spectrum of consecutive pages. Throws ABORTED when they are of different steps. */
export function mergeSpectrum(pages: readonly SpectrumResponse[]): Spectrum {
  const [head] = pages;
  if (head === undefined) throw badAnswer("the server sent no spectrum");
  const moved = pages.find(({ step }) => step !== head.step);
  if (moved !== undefined) {
    throw new GrokboxError(
      `the session went from step ${head.step} to ${moved.step} while its spectrum was read; pause it, or analyse a snapshot`,
      { code: "ABORTED" },
    );
  }
  const floats = (part: (page: SpectrumResponse) => SpectrumResponse["thetaPhase"]) =>
    concatenate(pages.map((page) => fromFloat32Tensor(part(page))));
  const dominantFrequency = concatenate(pages.map((page) => fromUint32Tensor(page.dominantFrequency)));
  const chosen = pages.flatMap(({ neurons }) => neurons);
  const { theta, xi } = {
    theta: {
      magnitude: floats((page) => page.thetaMagnitude),
      phase: floats((page) => page.thetaPhase),
      mean: floats((page) => page.thetaMean),
      cosineFit: floats((page) => page.thetaCosineFit),
      ...fromLayerMeasures(head.thetaMeasures),
    },
    xi: {
      magnitude: floats((page) => page.xiMagnitude),
      phase: floats((page) => page.xiPhase),
      mean: floats((page) => page.xiMean),
      cosineFit: floats((page) => page.xiCosineFit),
      ...fromLayerMeasures(head.xiMeasures),
    },
  };
  return {
    step: fromUint64(head.step),
    neurons: chosen.length > 0 ? chosen : Array.from(dominantFrequency.data, (_, i) => head.firstNeuron + i),
    theta,
    xi,
    dominantFrequency,
    misalignment: floats((page) => page.misalignment),
    neuronsPerFrequency: head.neuronsPerFrequency,
    ipr: defined({ theta: head.iprTheta, xi: head.iprXi, mean: head.ipr }),
    ...defined({
      meanAbsSinMisalignment: head.meanAbsSinMisalignment,
      maxAbsMisalignment: head.maxAbsMisalignment,
    }),
    layerAgreement: head.layerAgreement,
    ...defined({
      alpha: head.alpha && fromMeanAndSpread(head.alpha),
      beta: head.beta && fromMeanAndSpread(head.beta),
    }),
    groups: head.groups.map(({ frequency, neurons, phaseConcentration, alpha, beta, vote }) => ({
      frequency,
      neurons,
      phaseConcentration,
      ...(neurons === 0
        ? {}
        : { alpha: fromMeanAndSpread(alpha), beta: fromMeanAndSpread(beta), vote: fromMeanAndSpread(vote) }),
    })),
  };
}

function fromLayerMeasures(message: SpectrumResponse["thetaMeasures"]) {
  if (message === undefined) throw badAnswer("the server left out the measures of a layer");
  const { coefficientIpr, cosineFit: meanCosineFit, harmonicLeakage } = message;
  return {
    ...defined({ coefficientIpr, meanCosineFit }),
    harmonicLeakage: harmonicLeakage.map(({ order, medianRatio }) => ({
      order,
      ...defined({ medianRatio }),
    })),
  };
}

/** Along the first axis. */
function concatenate<D extends Float32Array | Uint32Array>(parts: readonly Tensor<D>[]): Tensor<D> {
  const [head] = parts as readonly [Tensor<D>, ...Tensor<D>[]];
  if (parts.length === 1) return head;
  const rows = parts.reduce((sum, { shape }) => sum + (shape[0] ?? 0), 0);
  const total = parts.reduce((sum, { data }) => sum + data.length, 0);
  const data = (head.data instanceof Float32Array ? new Float32Array(total) : new Uint32Array(total)) as D;
  let offset = 0;
  for (const part of parts) {
    data.set(part.data, offset);
    offset += part.data.length;
  }
  return { data, shape: [rows, ...head.shape.slice(1)] };
}

function fromMeanAndSpread(message: SpectrumResponse["alpha"]): MeanAndSpread {
  const { mean, spread } = message ?? {};
  if (mean === undefined || spread === undefined) throw badAnswer("the server left out a mean and spread");
  return { mean, spread };
}
