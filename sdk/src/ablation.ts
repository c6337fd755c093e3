import type { MessageInitShape } from "@bufbuild/protobuf";
import { type AblateRequestSchema, type AblateResponse, AnalysisService } from "@grokbox/proto/analysis";
import type { Connection } from "./connection.ts";
import { type CallOptions, callKeys } from "./deadline.ts";
import { defined } from "./defined.ts";
import { invalidField } from "./error.ts";
import { fromGrids, type PairGrids } from "./evaluation.ts";
import { type Known, refuseUnknown } from "./known-keys.ts";
import { fromScores, type Scores } from "./scores.ts";
import { fromUint64 } from "./uint64.ts";

/** One change of a copy of a network. Frequencies are 1 to K, neurons 0 to M - 1, angles radians. */
export type Ablation =
  /** Takes frequencies out of both layers; means stay. */
  | { readonly removeFrequencies: readonly number[] }
  /** Takes all other frequencies out of both layers; means stay. */
  | { readonly keepFrequencies: readonly number[] }
  | { readonly removeNeurons: readonly number[] }
  | { readonly keepNeurons: readonly number[] }
  /** Projects both layers on each neuron's dominant frequency of theta. */
  | { readonly project: true }
  /**
   * Turns the neurons of each frequency so that their phases are spread evenly over a range, up to 2 pi, in the order of their present
   * phases from 0 to 2 pi; misalignments stay.
   */
  | { readonly spreadPhases: number }
  /** Keeps the neurons whose phase is within half of `range` of `center`, on the circle; those without a frequency have none, and go. */
  | { readonly restrictPhases: { readonly center: number; readonly range: number } }
  /** Factors of the layers. */
  | { readonly scale: { readonly theta?: number; readonly xi?: number } };

type RestrictPhases = Extract<Ablation, { readonly restrictPhases: unknown }>["restrictPhases"];
type Scale = Extract<Ablation, { readonly scale: unknown }>["scale"];

const changeKeys: Known<Ablation> = {
  removeFrequencies: true,
  keepFrequencies: true,
  removeNeurons: true,
  keepNeurons: true,
  project: true,
  spreadPhases: true,
  restrictPhases: true,
  scale: true,
};

const restrictionKeys: Known<RestrictPhases> = { center: true, range: true };
const scaleKeys: Known<Scale> = { theta: true, xi: true };

/** Neurons that do what the theory asks: theta = alpha cos(w_k j + phi), xi = beta cos(w_k j + 2 phi), phases evenly spread. */
export interface IdealNetwork {
  /** p, odd, 3 to 199. */
  readonly modulus: number;
  /** Neurons, at least one a frequency. */
  readonly width: number;
  /** @default all, 1 to K */
  readonly frequencies?: readonly number[] | undefined;
  /** Neuron i of n in a group is at phi = phaseRange i / n. @default 2 pi */
  readonly phaseRange?: number | undefined;
  /** Magnitude of theta. @default 1 */
  readonly alpha?: number | undefined;
  /** Magnitude of xi. @default 1 */
  readonly beta?: number | undefined;
}

const idealKeys: Known<IdealNetwork> = {
  modulus: true,
  width: true,
  frequencies: true,
  phaseRange: true,
  alpha: true,
  beta: true,
};

export interface AblateOptions extends CallOptions {
  /** @default the network's own; x^2 of an ideal one */
  readonly activation?: string | undefined;
  /** Also tell, pair by pair, what is right. @default false */
  readonly grids?: boolean | undefined;
}

export const ablateKeys: Known<AblateOptions> = { activation: true, grids: true, ...callKeys };

/** How a changed copy does. */
export interface AblationResult {
  /** The step of the network that was changed; 0 of an ideal one. */
  readonly step: number;
  /** Over the session's train and test pairs; of an ideal network all pairs are training pairs. */
  readonly scores: Scores;
  /** Over all p^2 pairs, 0 to 1. */
  readonly accuracy: number;
  /** Mean cross-entropy over all p^2 pairs, nats. Absent when it is not finite. */
  readonly loss?: number;
  /** Neurons left. */
  readonly width: number;
  /** Frobenius norm of all weights. */
  readonly parameterNorm: number;
  /** When they were asked for. */
  readonly grids?: PairGrids;
}

type AblateMessage = MessageInitShape<typeof AblateRequestSchema>;

/** @param network - a session or snapshot by name, or an ideal network */
export async function ablate(
  connection: Connection,
  network: string | IdealNetwork,
  ablations: readonly Ablation[],
  options: AblateOptions,
): Promise<AblationResult> {
  const { activation = "", grids = false } = options;
  const request: AblateMessage = {
    network:
      typeof network === "string"
        ? { case: "name", value: network }
        : { case: "ideal", value: toIdeal(network) },
    activation,
    grids,
    ablations: ablations.map((ablation, i) => ({ change: toChange(ablation, `ablations[${i}]`) })),
  };
  return fromAblation(await connection.read(AnalysisService.method.ablate, request, options));
}

function toIdeal(network: IdealNetwork) {
  refuseUnknown(network, idealKeys, "ideal");
  const { modulus, width, frequencies = [], phaseRange, alpha, beta } = network;
  return { modulus, width, frequencies: [...frequencies], ...defined({ phaseRange, alpha, beta }) };
}

type Change = NonNullable<NonNullable<AblateMessage["ablations"]>[number]["change"]>;

/** @param field - of the request, for errors */
function toChange(input: Ablation, field: string): Change {
  const ablation = only(input, field);
  if ("removeFrequencies" in ablation)
    return { case: "removeFrequencies", value: { frequencies: [...ablation.removeFrequencies] } };
  if ("keepFrequencies" in ablation)
    return { case: "keepFrequencies", value: { frequencies: [...ablation.keepFrequencies] } };
  if ("removeNeurons" in ablation)
    return { case: "removeNeurons", value: { neurons: [...ablation.removeNeurons] } };
  if ("keepNeurons" in ablation)
    return { case: "keepNeurons", value: { neurons: [...ablation.keepNeurons] } };
  if ("spreadPhases" in ablation) return { case: "spreadPhases", value: { range: ablation.spreadPhases } };
  if ("restrictPhases" in ablation) {
    refuseUnknown(ablation.restrictPhases, restrictionKeys, `${field}.restrict_phases`);
    return { case: "restrictPhases", value: ablation.restrictPhases };
  }
  if ("scale" in ablation) {
    refuseUnknown(ablation.scale, scaleKeys, `${field}.scale`);
    return { case: "scale", value: { theta: 1, xi: 1, ...defined(ablation.scale) } };
  }
  if (ablation.project !== true) throw invalidField(`${field}.project`, "must be true", ablation.project);
  return { case: "project", value: {} };
}

/** The ablation, when it says one thing that is known: of any other another change would be made. */
function only(input: Ablation, field: string): Ablation {
  const ablation = defined(typeof input === "object" ? (input ?? {}) : {});
  const keys = Object.keys(ablation);
  if (keys.length === 1 && Object.hasOwn(changeKeys, keys[0]!)) return ablation as Ablation;
  const must = `must be an object with one of ${Object.keys(changeKeys).join(", ")}`;
  throw invalidField(field, must, `{${keys.join(", ")}}`);
}

function fromAblation(message: AblateResponse): AblationResult {
  const { accuracy, loss, width, parameterNorm, grids } = message;
  return {
    step: fromUint64(message.step),
    scores: fromScores(message.scores),
    accuracy,
    ...defined({ loss }),
    width,
    parameterNorm,
    ...(grids === undefined ? {} : { grids: fromGrids(grids) }),
  };
}
