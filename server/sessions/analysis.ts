import type { Network, TrainerState } from "../engine/engine.ts";
import type { Ablation } from "../model/ablation.ts";
import type { Evaluation } from "../model/evaluation.ts";
import { trainedWeights } from "../model/network-state.ts";
import { classCounts, pairClasses } from "../model/pair-class.ts";
import { type PairGrids, predictedPlateau } from "../model/pair-grids.ts";
import { parameterNorm } from "../model/parameter-norm.ts";
import type { Activation, Spec } from "../model/spec.ts";
import type { SpectrumSummary } from "../model/spectrum-summary.ts";
import { labels } from "../model/task.ts";
import { cancelled, invalid } from "./errors.ts";
import type { Registry } from "./registry.ts";

/** What an exponential costs, roughly, beside a multiply-add. */
const operationsAnExponential = 16;

/** A network to look into: a session's present state or a snapshot's. */
export interface Subject {
  readonly spec: Spec;
  readonly state: TrainerState;
  readonly train: Uint8Array;
}

/** The same in whatever precision. */
export interface Layers extends Omit<Subject, "state"> {
  readonly state: Pick<Network, "theta" | "xi"> & { readonly step: number };
}

/** Scores over the session's own pairs, and over all p^2. */
export interface Scored {
  readonly scores: Evaluation;
  /** Share of all pairs answered right. */
  readonly accuracy: number;
  /** Mean cross-entropy over all pairs, nats. */
  readonly loss: number | undefined;
}

/** The present state of `session`, or the snapshot at `step`. */
export async function subject(
  registry: Registry,
  { session, step }: { session: string; step: number | undefined },
  signal: AbortSignal,
  expectedStep?: number,
): Promise<Subject> {
  const owner = registry.get(session);
  return step === undefined ? owner.present(expectedStep, signal) : owner.readSnapshot(step);
}

/** What of a network is looked at otherwise than it is. */
export type Change = Partial<Pick<Network, "activation" | "theta" | "xi" | "width">>;

/** Over the unordered pairs, [p(p+1)/2, p], in float64. */
export async function logitsOf(
  registry: Registry,
  { spec, state }: Layers,
  change: Change,
  signal: AbortSignal,
): Promise<Float64Array> {
  const { modulus, width, activation } = spec;
  const { theta, xi } = state;
  const logits = await registry.logits({ modulus, width, activation, theta, xi, ...change });
  if (signal.aborted) throw cancelled(signal);
  return logits;
}

/** Losses and accuracies of a network, in float64, with the weights replaced where given. */
export async function score(
  registry: Registry,
  subject: Subject,
  change: Change,
  signal: AbortSignal,
): Promise<Scored> {
  return scoreLogits(registry, subject, await logitsOf(registry, subject, change, signal), signal);
}

export async function scoreLogits(
  registry: Registry,
  { spec, train }: Pick<Subject, "spec" | "train">,
  logits: Float64Array,
  signal: AbortSignal,
): Promise<Scored> {
  const { modulus } = spec;
  const classes = pairClasses(train, modulus);
  const scores = await registry.analyst.run(
    "evaluateLogits",
    { operations: logits.length * operationsAnExponential, signal },
    logits,
    labels(spec.task, modulus),
    classes,
    modulus,
  );
  return { scores, ...overall(scores, classes) };
}

/** Over all pairs: the means of train and test, weighted by how many pairs each has. */
function overall(scores: Evaluation, classes: Uint8Array): { accuracy: number; loss: number | undefined } {
  const [common, rare, partner, heldOut] = classCounts(classes);
  const train = common + rare;
  const test = partner + heldOut;
  const mean = (onTrain: number | undefined, onTest: number | undefined) =>
    onTrain === undefined || (test > 0 && onTest === undefined)
      ? undefined
      : (train * onTrain + test * (onTest ?? 0)) / (train + test);
  return {
    accuracy: mean(scores.trainAccuracy, scores.testAccuracy) ?? 0,
    loss: mean(scores.trainLoss, scores.testLoss),
  };
}

/** Losses and accuracies as they are, with only the dominant frequency of each neuron, and without it. */
export async function evaluate(
  registry: Registry,
  network: Subject,
  withGrids: boolean,
  signal: AbortSignal,
) {
  const { spec, state, train } = network;
  const { modulus } = spec;
  const logits = await logitsOf(registry, network, {}, signal);
  const whole = await scoreLogits(registry, network, logits, signal);
  const grids = withGrids ? await gridsOf(registry, network, logits, signal) : undefined;
  const cost = { operations: 2 * state.theta.length * spec.modulus, signal };
  const only = await registry.analyst.run("projectOnDominant", cost, state.theta, state.xi, spec.modulus);
  const dominantOnly = await score(registry, network, only, signal);
  const rest = await registry.analyst.run("removeDominant", cost, state.theta, state.xi, spec.modulus);
  const dominantRemoved = await score(registry, network, rest, signal);
  return {
    whole,
    dominantOnly,
    dominantRemoved,
    parameterNorm: parameterNorm(...trainedWeights(state)),
    predictedPlateau: predictedPlateau(pairClasses(train, modulus), labels(spec.task, modulus), modulus),
    grids,
  };
}

/** What is right pair by pair, and how likely the truth was. */
async function gridsOf(
  registry: Registry,
  { spec, train }: Pick<Subject, "spec" | "train">,
  logits: Float64Array,
  signal: AbortSignal,
): Promise<PairGrids & { readonly pairClass: Uint8Array }> {
  const { modulus, task } = spec;
  const cost = { operations: logits.length * operationsAnExponential, signal };
  const grids = await registry.analyst.run("pairGrids", cost, logits, labels(task, modulus), modulus);
  return { pairClass: pairClasses(train, modulus), ...grids };
}

/** Scores of a copy that was changed. Fails with INVALID_FIELD when no neuron is left, or not one that an ablation names. */
export async function evaluateAblated(
  registry: Registry,
  network: Layers,
  ablations: readonly Ablation[],
  { activation, withGrids }: { activation: Activation; withGrids: boolean },
  signal: AbortSignal,
) {
  const { modulus } = network.spec;
  const { theta, xi } = network.state;
  const cost = { operations: (1 + ablations.length) * 4 * theta.length * modulus, signal };
  const { violations, ...layers } = await registry.analyst.run("ablate", cost, theta, xi, modulus, ablations);
  if (violations.length > 0) throw invalid(violations);
  const width = layers.theta.length / modulus;
  if (width === 0) {
    throw invalid([
      { field: "ablations", description: "must leave a neuron; none has a phase in the range" },
    ]);
  }
  const logits = await logitsOf(registry, network, { ...layers, width, activation }, signal);
  return {
    ...(await scoreLogits(registry, network, logits, signal)),
    width,
    parameterNorm: parameterNorm(layers.theta, layers.xi),
    grids: withGrids ? await gridsOf(registry, network, logits, signal) : undefined,
  };
}

/** Spectra of both layers with their summary, and coefficients of the chosen neurons. */
export function spectrum(
  registry: Registry,
  { spec, state }: Subject,
  neurons: Uint32Array,
  signal: AbortSignal,
): Promise<SpectrumSummary> {
  const { theta, xi } = state;
  return registry.analyst.run(
    "summarizeSpectrum",
    { operations: 2 * theta.length * spec.modulus, signal },
    theta,
    xi,
    spec.modulus,
    neurons,
  );
}
