import type { AnalysisService } from "@grokbox/proto/analysis";
import { DataType } from "@grokbox/proto/tensor";
import { evaluate, type Scored, spectrum, subject } from "../sessions/analysis.ts";
import type { Registry } from "../sessions/registry.ts";
import { Checks } from "./checks.ts";
import { defined, scoresMessage } from "./progress-message.ts";
import type { Handlers } from "./service.ts";

/** Coefficients of one layer in one answer: four arrays of so many float32 stay below 4 MiB. */
const maxCoefficients = 200_000;

export function analysisService(registry: Registry): Handlers<typeof AnalysisService> {
  return {
    evaluate: async ({ name }, { signal }) => {
      const checks = new Checks();
      const at = checks.subject("name", name);
      checks.throwIfAny();
      const network = await subject(registry, at, signal);
      const { whole, dominantOnly, dominantRemoved, parameterNorm } = await evaluate(
        registry,
        network,
        signal,
      );
      return {
        step: BigInt(network.state.step),
        ...scored(whole),
        dominantOnly: scoresMessage(dominantOnly.scores),
        dominantRemoved: scoresMessage(dominantRemoved.scores),
        parameterNorm,
      };
    },

    spectrum: async (request, { signal }) => {
      const checks = new Checks();
      const at = checks.subject("name", request.name);
      checks.throwIfAny();
      const network = await subject(registry, at, signal);
      const { width, modulus } = network.spec;
      const frequencies = (modulus - 1) / 2;
      const first = checks.integer("first_neuron", request.firstNeuron, 0, width - 1, 0);
      const most = Math.min(width - first, Math.floor(maxCoefficients / frequencies));
      const count = checks.integer("neuron_count", request.neuronCount, 0, most, most);
      checks.throwIfAny();
      const { iprTheta, iprXi, ipr, meanAbsSinMisalignment, maxAbsMisalignment, ...summary } = await spectrum(
        registry,
        network,
        first,
        count,
      );
      const floats = (data: Float32Array, ...shape: number[]) => tensor(DataType.FLOAT32, data, shape);
      return {
        step: BigInt(network.state.step),
        firstNeuron: first,
        thetaMagnitude: floats(summary.thetaMagnitude, count, frequencies),
        thetaPhase: floats(summary.thetaPhase, count, frequencies),
        xiMagnitude: floats(summary.xiMagnitude, count, frequencies),
        xiPhase: floats(summary.xiPhase, count, frequencies),
        dominantFrequency: tensor(DataType.UINT32, Uint32Array.from(summary.dominantFrequency), [count]),
        misalignment: floats(summary.misalignment, count),
        neuronsPerFrequency: [...summary.neuronsPerFrequency],
        ...defined({ iprTheta, iprXi, ipr, meanAbsSinMisalignment, maxAbsMisalignment }),
        layerAgreement: summary.layerAgreement,
        alpha: summary.alpha,
        beta: summary.beta,
      };
    },
  };
}

function scored({ scores, accuracy, loss }: Scored) {
  return { scores: scoresMessage(scores), accuracy, ...defined({ loss }) };
}

function tensor(dtype: DataType, data: Float32Array | Uint32Array, shape: number[]) {
  return { dtype, shape, data: new Uint8Array(data.buffer, data.byteOffset, data.byteLength) };
}
