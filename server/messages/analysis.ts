import type { MessageInitShape } from "@bufbuild/protobuf";
import type {
  FrequencyGroupSchema,
  LayerMeasuresSchema,
  PairGridsSchema,
  SpectrumResponseSchema,
} from "@grokbox/proto/analysis";
import { DataType } from "@grokbox/proto/tensor";
import type { FrequencyGroup } from "../model/diversification.ts";
import type { PairGrids } from "../model/pair-grids.ts";
import type { LayerSummary, SpectrumSummary } from "../model/spectrum-summary.ts";
import type { Scored } from "../sessions/analysis.ts";
import { defined } from "./defined.ts";
import { scoresMessage } from "./progress.ts";

export function scoredMessage({ scores, accuracy, loss }: Scored) {
  return { scores: scoresMessage(scores), accuracy, ...defined({ loss }) };
}

export function floats(data: Float32Array, shape: number[]) {
  return { dtype: DataType.FLOAT32, shape, data: bytesOf(data) };
}

export function integers(data: Iterable<number>, shape: number[]) {
  return { dtype: DataType.UINT32, shape, data: bytesOf(Uint32Array.from(data)) };
}

export function doubles(data: Iterable<number>, shape: number[]) {
  const values = data instanceof Float64Array ? data : Float64Array.from(data);
  return { dtype: DataType.FLOAT64, shape, data: bytesOf(values) };
}

function bytesOf({ buffer, byteOffset, byteLength }: Float32Array | Float64Array | Uint32Array): Uint8Array {
  return new Uint8Array(buffer, byteOffset, byteLength);
}

/** All of the answer but the step and which neurons. */
export function spectrumMessage(
  summary: SpectrumSummary,
  frequencies: number,
): MessageInitShape<typeof SpectrumResponseSchema> {
  const { iprTheta, iprXi, ipr, meanAbsSinMisalignment, maxAbsMisalignment, alpha, beta } = summary;
  const n = summary.dominantFrequency.length;
  return {
    thetaMagnitude: floats(summary.thetaMagnitude, [n, frequencies]),
    thetaPhase: floats(summary.thetaPhase, [n, frequencies]),
    xiMagnitude: floats(summary.xiMagnitude, [n, frequencies]),
    xiPhase: floats(summary.xiPhase, [n, frequencies]),
    thetaMean: floats(summary.thetaMean, [n]),
    xiMean: floats(summary.xiMean, [n]),
    dominantFrequency: integers(summary.dominantFrequency, [n]),
    misalignment: floats(summary.misalignment, [n]),
    neuronsPerFrequency: [...summary.neuronsPerFrequency],
    ...defined({ iprTheta, iprXi, ipr, meanAbsSinMisalignment, maxAbsMisalignment, alpha, beta }),
    layerAgreement: summary.layerAgreement,
    thetaCosineFit: floats(summary.thetaLayer.cosineFit, [n]),
    xiCosineFit: floats(summary.xiLayer.cosineFit, [n]),
    thetaMeasures: layerMessage(summary.thetaLayer),
    xiMeasures: layerMessage(summary.xiLayer),
    groups: summary.groups.map(groupMessage),
  };
}

function layerMessage({
  coefficientIpr,
  meanCosineFit,
  leakage,
}: LayerSummary): MessageInitShape<typeof LayerMeasuresSchema> {
  return {
    ...defined({ coefficientIpr, cosineFit: meanCosineFit }),
    harmonicLeakage: leakage.map(({ order, median }) => ({ order, ...defined({ medianRatio: median }) })),
  };
}

function groupMessage(group: FrequencyGroup): MessageInitShape<typeof FrequencyGroupSchema> {
  const { frequency, neurons, phaseConcentration = [], alpha, beta, vote } = group;
  return {
    frequency,
    neurons,
    phaseConcentration: [...phaseConcentration],
    ...defined({ alpha, beta, vote }),
  };
}

export function gridsMessage(
  { correct, probability, pairClass }: PairGrids & { readonly pairClass: Uint8Array },
  modulus: number,
): MessageInitShape<typeof PairGridsSchema> {
  const shape = [modulus, modulus];
  return {
    correct: integers(correct, shape),
    ...(probability === undefined ? {} : { probability: floats(probability, shape) }),
    pairClass: integers(pairClass, shape),
  };
}
