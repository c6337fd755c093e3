import type { Network, TrainerState } from "../engine/engine.ts";
import type { Evaluation } from "../model/evaluation.ts";
import { classCounts, pairClasses } from "../model/pair-class.ts";
import { parameterNorm } from "../model/parameter-norm.ts";
import type { Activation, Spec } from "../model/spec.ts";
import type { SpectrumSummary } from "../model/spectrum-summary.ts";
import { labels } from "../model/task.ts";
import { cancelled } from "./errors.ts";
import type { Registry } from "./registry.ts";

/** What an exponential costs, roughly, beside a multiply-add. */
const operationsAnExponential = 16;

/** A network to look into: a session's present state or a snapshot's. */
export interface Subject {
  readonly spec: Spec;
  readonly state: TrainerState;
  readonly train: Uint8Array;
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

/** Losses and accuracies of a network, in float64, with the weights replaced where given. */
export async function score(
  registry: Registry,
  { spec, state, train }: Subject,
  change: { activation?: Activation; theta?: Network["theta"]; xi?: Network["xi"] },
  signal: AbortSignal,
): Promise<Scored> {
  const { modulus, width } = spec;
  const { engine } = registry.engines[0]!;
  const logits = await engine.logits({
    modulus,
    width,
    activation: spec.activation,
    theta: state.theta,
    xi: state.xi,
    ...change,
  });
  if (signal.aborted) throw cancelled(signal);
  const classes = pairClasses(train, modulus);
  const scores = await registry.analyst.run(
    "evaluateLogits",
    logits.length * operationsAnExponential,
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
export async function evaluate(registry: Registry, network: Subject, signal: AbortSignal) {
  const { spec, state } = network;
  const whole = await score(registry, network, {}, signal);
  const operations = 2 * state.theta.length * spec.modulus;
  const only = await registry.analyst.run(
    "projectOnDominant",
    operations,
    state.theta,
    state.xi,
    spec.modulus,
  );
  const dominantOnly = await score(registry, network, only, signal);
  const rest = await registry.analyst.run("removeDominant", operations, state.theta, state.xi, spec.modulus);
  const dominantRemoved = await score(registry, network, rest, signal);
  return { whole, dominantOnly, dominantRemoved, parameterNorm: parameterNorm(state.theta, state.xi) };
}

/** Spectra of both layers with their summary, and coefficients of `count` neurons from `first` on. */
export function spectrum(
  registry: Registry,
  { spec, state }: Subject,
  first: number,
  count: number,
): Promise<SpectrumSummary> {
  const { theta, xi } = state;
  return registry.analyst.run(
    "summarizeSpectrum",
    2 * theta.length * spec.modulus,
    theta,
    xi,
    spec.modulus,
    first,
    count,
  );
}
