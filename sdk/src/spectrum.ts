import type { SpectrumResponse } from "@grokbox/proto/analysis";
import { defined } from "./defined.ts";
import { badAnswer, GrokboxError } from "./error.ts";
import { fromFloat32Tensor, fromUint32Tensor, type Tensor } from "./tensor.ts";
import { fromUint64 } from "./uint64.ts";

/**
 * Fourier spectra of both layers at one step, K = (p-1)/2 frequencies, n neurons. The row of a neuron is its mean plus
 * sum_k magnitude_k cos(2 pi k j / p + phase_k), k = 1..K. Means over neurons leave out constant rows, which have no
 * frequency, and are absent when all are constant.
 */
export interface Spectrum {
  /** The step analysed. */
  readonly step: number;
  /** The neuron that the first row is of. */
  readonly firstNeuron: number;
  readonly theta: LayerSpectrum;
  readonly xi: LayerSpectrum;
  /** [n], frequency 1..K of the largest magnitude of theta. */
  readonly dominantFrequency: Tensor<Uint32Array>;
  /** [n], 2 phi - psi at the dominant frequency, radians in [-pi, pi). */
  readonly misalignment: Tensor;
  /** Of all M neurons, how many have frequency 1, 2, ... K as their dominant one. */
  readonly neuronsPerFrequency: readonly number[];
  /** Inverse participation ratios, means over all neurons, and the mean of both. */
  readonly ipr: { readonly theta?: number; readonly xi?: number; readonly mean?: number };
  /** Of |sin misalignment| over all neurons, 0 to 1. */
  readonly meanAbsSinMisalignment?: number;
  /** Over all neurons, radians. */
  readonly maxAbsMisalignment?: number;
  /** Share of neurons whose layers have the same dominant frequency, 0 to 1. */
  readonly layerAgreement: number;
  /** Magnitude of theta at the dominant frequency, over all neurons. */
  readonly alpha: MeanAndSpread;
  /** Magnitude of xi at theta's dominant frequency, over all neurons. */
  readonly beta: MeanAndSpread;
}

export interface LayerSpectrum {
  /** [n, K] */
  readonly magnitude: Tensor;
  /** [n, K], radians in [-pi, pi). */
  readonly phase: Tensor;
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
  return {
    step: fromUint64(head.step),
    firstNeuron: head.firstNeuron,
    theta: { magnitude: floats((page) => page.thetaMagnitude), phase: floats((page) => page.thetaPhase) },
    xi: { magnitude: floats((page) => page.xiMagnitude), phase: floats((page) => page.xiPhase) },
    dominantFrequency: concatenate(pages.map((page) => fromUint32Tensor(page.dominantFrequency))),
    misalignment: floats((page) => page.misalignment),
    neuronsPerFrequency: head.neuronsPerFrequency,
    ipr: defined({ theta: head.iprTheta, xi: head.iprXi, mean: head.ipr }),
    ...defined({
      meanAbsSinMisalignment: head.meanAbsSinMisalignment,
      maxAbsMisalignment: head.maxAbsMisalignment,
    }),
    layerAgreement: head.layerAgreement,
    alpha: fromMeanAndSpread(head.alpha),
    beta: fromMeanAndSpread(head.beta),
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
  if (mean === undefined || spread === undefined) throw badAnswer("the server left out alpha or beta");
  return { mean, spread };
}
