import type { AblateRequest, AnalysisService, Pair, SpectrumRequest } from "@grokbox/proto/analysis";
import { ablationsFrom, idealFrom } from "../messages/ablation.ts";
import { doubles, gridsMessage, scoredMessage, spectrumMessage } from "../messages/analysis.ts";
import { Checks } from "../messages/checks.ts";
import { defined } from "../messages/defined.ts";
import { scoresMessage } from "../messages/progress.ts";
import { theoryMessage, votingMessage } from "../messages/voting.ts";
import { ablationViolations } from "../model/ablation.ts";
import { idealNetwork } from "../model/ideal-network.ts";
import { completeSpec } from "../model/presets.ts";
import { unorderedPairCount, unorderedPairIndex } from "../model/unordered-pairs.ts";
import { evaluate, evaluateAblated, type Layers, spectrum, subject } from "../sessions/analysis.ts";
import type { Registry } from "../sessions/registry.ts";
import { analyseVoting } from "../sessions/voting-analysis.ts";
import { dynamicsHandlers } from "./dynamics-handlers.ts";
import type { Handlers } from "./service.ts";

/** Logits in one answer: so many float64 stay below 4 MiB. */
const maxLogits = 480_000;
const maxPairs = 20_000;

/** Numbers of neurons in one answer, four arrays of float32 for each: K coefficients, and what else is sent of a neuron counts as two. */
const maxNumbers = 250_000;
const maxNeurons = 65_536;

export function analysisService(registry: Registry): Handlers<typeof AnalysisService> {
  return {
    evaluate: async ({ name, grids: withGrids }, { signal }) => {
      const checks = new Checks();
      const at = checks.subject("name", name);
      checks.throwIfAny();
      const network = await subject(registry, at, signal);
      const scored = await evaluate(registry, network, withGrids, signal);
      const { whole, dominantOnly, dominantRemoved, parameterNorm, predictedPlateau, grids } = scored;
      return {
        step: BigInt(network.state.step),
        ...scoredMessage(whole),
        dominantOnly: scoresMessage(dominantOnly.scores),
        dominantRemoved: scoresMessage(dominantRemoved.scores),
        parameterNorm,
        ...defined({ predictedPlateau }),
        ...(grids === undefined ? {} : { grids: gridsMessage(grids, network.spec.modulus) }),
      };
    },

    spectrum: async (request, { signal }) => {
      const checks = new Checks();
      const at = checks.subject("name", request.name);
      checks.throwIfAny();
      const network = await subject(registry, at, signal);
      const { width, modulus } = network.spec;
      const frequencies = (modulus - 1) / 2;
      const chosen = chosenNeurons(request, width, Math.floor(maxNumbers / (frequencies + 2)));
      const summary = await spectrum(registry, network, chosen, signal);
      return {
        step: BigInt(network.state.step),
        firstNeuron: request.neurons.length === 0 ? (chosen[0] ?? request.firstNeuron) : 0,
        ...spectrumMessage(summary, frequencies),
        neurons: request.neurons,
      };
    },

    logits: async (request, { signal }) => {
      const checks = new Checks();
      const at = checks.subject("name", request.name);
      const named =
        request.activation === "" ? undefined : checks.activation("activation", request.activation);
      const worst = checks.integer("worst_pairs", request.worstPairs, 0, 1_000, 10);
      checks.throwIfAny();
      const network = await subject(registry, at, signal);
      const { modulus } = network.spec;
      const pairs = request.withoutLogits ? [] : chosenPairs(request.pairs, modulus);
      const activation = named ?? network.spec.activation;
      const { logits, voting, projected, votes, theory } = await analyseVoting(
        registry,
        network,
        activation,
        worst,
        signal,
      );
      const rows = new Float64Array(pairs.length * modulus);
      for (const [row, { x, y }] of pairs.entries()) {
        const from = unorderedPairIndex(Math.min(x, y), Math.max(x, y), modulus) * modulus;
        rows.set(logits.subarray(from, from + modulus), row * modulus);
      }
      return {
        step: BigInt(network.state.step),
        activation,
        pairs: [...pairs],
        logits: doubles(rows, [pairs.length, modulus]),
        ...(voting === undefined ? {} : { voting: votingMessage(voting) }),
        ...(projected === undefined ? {} : { projected: votingMessage(projected) }),
        votes: [...votes],
        ...(theory === undefined ? {} : { theory: theoryMessage(theory) }),
      };
    },

    ablate: async (request, { signal }) => {
      const checks = new Checks();
      const named =
        request.activation === "" ? undefined : checks.activation("activation", request.activation);
      const ablations = ablationsFrom(request.ablations, checks);
      const network = await toAblate(registry, request, checks, signal);
      const { modulus } = network.spec;
      checks.add(ablationViolations(ablations, modulus, network.state.theta.length / modulus));
      checks.throwIfAny();
      const { width, parameterNorm, grids, ...scored } = await evaluateAblated(
        registry,
        network,
        ablations,
        { activation: named ?? network.spec.activation, withGrids: request.grids },
        signal,
      );
      return {
        step: BigInt(network.state.step),
        ...scoredMessage(scored),
        width,
        parameterNorm,
        ...(grids === undefined ? {} : { grids: gridsMessage(grids, modulus) }),
      };
    },

    ...dynamicsHandlers(registry),
  };
}

/** The network that a copy is to be made of. Also tells of what was wrong before. */
async function toAblate(
  registry: Registry,
  { network }: AblateRequest,
  checks: Checks,
  signal: AbortSignal,
): Promise<Layers> {
  if (network.case === "name") {
    const at = checks.subject("name", network.value);
    checks.throwIfAny();
    return subject(registry, at, signal);
  }
  if (network.case !== "ideal") checks.fail("network", "must be name or ideal");
  const ideal = network.case === "ideal" ? idealFrom(network.value, checks) : undefined;
  checks.throwIfAny();
  const { modulus, neurons } = ideal!;
  const spec = completeSpec({ modulus, width: neurons, activation: "x^2" }, "standard");
  return {
    spec,
    state: { step: 0, ...idealNetwork(ideal!) },
    train: new Uint8Array(modulus * modulus).fill(1),
  };
}

/** All pairs x <= y unless some are named. */
function chosenPairs(named: readonly Pair[], modulus: number): readonly { x: number; y: number }[] {
  const checks = new Checks();
  const most = Math.min(maxPairs, Math.floor(maxLogits / modulus));
  if (named.length === 0) {
    const all = unorderedPairCount(modulus);
    if (all > most) checks.fail("pairs", `must be named, at most ${most} at a time: all are ${all}`);
    checks.throwIfAny();
    return Array.from({ length: modulus }, (_, x) =>
      Array.from({ length: modulus - x }, (__, i) => ({ x, y: x + i })),
    ).flat();
  }
  if (named.length > most) checks.fail("pairs", `must be at most ${most}`, named.length);
  for (const [i, { x, y }] of named.slice(0, most).entries()) {
    checks.integer(`pairs[${i}].x`, x, 0, modulus - 1);
    checks.integer(`pairs[${i}].y`, y, 0, modulus - 1);
  }
  checks.throwIfAny();
  return named.map(({ x, y }) => ({ x, y }));
}

/** Which neurons' coefficients a request asks for, at most so many. */
function chosenNeurons(request: SpectrumRequest, width: number, fits: number): Uint32Array {
  const checks = new Checks();
  const { neurons, firstNeuron, neuronCount } = request;
  if (neurons.length > 0) {
    const most = Math.min(fits, maxNeurons);
    if (firstNeuron > 0) checks.fail("first_neuron", "must be left out with neurons", firstNeuron);
    if (neuronCount !== undefined) checks.fail("neuron_count", "must be left out with neurons", neuronCount);
    if (neurons.length > most) checks.fail("neurons", `must be at most ${most}`, neurons.length);
    for (const [i, neuron] of neurons.slice(0, most).entries())
      checks.integer(`neurons[${i}]`, neuron, 0, width - 1);
    checks.throwIfAny();
    return Uint32Array.from(neurons);
  }
  const first = checks.integer("first_neuron", firstNeuron, 0, width - 1, 0);
  const most = Math.min(width - first, fits);
  const count = checks.integer("neuron_count", neuronCount, 0, most, most);
  checks.throwIfAny();
  return Uint32Array.from({ length: count }, (_, i) => first + i);
}
