import { activations, type Grokfast, type Init, type Optimizer, type Spec, type Split } from "./spec.ts";
import { trainCount } from "./split.ts";
import { tasks } from "./task.ts";

/** One field of a spec that is not as it must be. */
export interface Violation {
  /** Path in the spec, e.g. `optimizer.learningRate` or `split.trainPairs[3]`. */
  readonly field: string;
  /** What the field must be, and what it is: "must be odd, 3 to 199; got 22". */
  readonly description: string;
}

/** More wrong entries of `trainPairs` than this say nothing new. */
const reportedPairs = 8;
/** More characters of a wrong name say nothing new. */
const longestName = 80;

/** Every rule of a spec that does not hold, in the order of the spec's fields; empty for a valid spec. */
export function specViolations(spec: Spec): Violation[] {
  const modulusIsValid = isIntegerIn(spec.modulus, 3, 199) && spec.modulus % 2 === 1;
  return [
    ...rule("modulus", modulusIsValid, "odd, 3 to 199", spec.modulus),
    ...rule("width", isIntegerIn(spec.width, 8, 65_536), "an integer, 8 to 65536", spec.width),
    ...oneOf("activation", activations, spec.activation),
    ...oneOf("task", tasks, spec.task),
    ...initViolations(spec.init),
    ...optimizerViolations(spec.optimizer),
    ...rule(
      "schedule.warmupSteps",
      isIntegerIn(spec.schedule.warmupSteps, 0, 1e6),
      "an integer, 0 to 1000000",
      spec.schedule.warmupSteps,
    ),
    ...splitViolations(spec.split, modulusIsValid ? spec.modulus : undefined),
    ...rule(
      "seed",
      isIntegerIn(spec.seed, 0, 2 ** 32 - 1),
      "an integer, 0 to 4294967295 (2^32 - 1)",
      spec.seed,
    ),
    ...embeddingViolations(spec),
  ];
}

/** Four times what the published code has by default. */
export const mostDimension = 512;

function embeddingViolations({ embedding, init }: Spec): Violation[] {
  if (embedding === undefined) return [];
  const { dimension } = embedding;
  return [
    ...rule(
      "embedding.dimension",
      isIntegerIn(dimension, 1, mostDimension),
      `an integer, 1 to ${mostDimension}`,
      dimension,
    ),
    ...rule(
      "embedding",
      init.kind !== "single-frequency",
      "left out with a single-frequency init, which draws theta itself",
      dimension,
    ),
  ];
}

function initViolations(init: Init): Violation[] {
  const kind = oneOf("init.kind", ["random", "single-frequency", "uploaded"], init.kind);
  if (kind.length > 0 || init.kind === "uploaded") return kind;
  return rule(
    "init.scale",
    isIn(init.scale, 0, 1e3) && init.scale > 0,
    "greater than 0, at most 1000",
    init.scale,
  );
}

function optimizerViolations(optimizer: Optimizer): Violation[] {
  const kind = oneOf("optimizer.kind", ["adamw", "sgd"], optimizer.kind);
  if (kind.length > 0) return kind;
  const { learningRate, weightDecay } = optimizer;
  const violations = [
    ...rule(
      "optimizer.learningRate",
      isIn(learningRate, 0, 1e3) && learningRate > 0,
      "greater than 0, at most 1000",
      learningRate,
    ),
    ...rule("optimizer.weightDecay", isIn(weightDecay, 0, 1e6), "0 to 1000000", weightDecay),
    ...grokfastViolations(optimizer.grokfast),
  ];
  if (optimizer.kind === "sgd") return violations;
  const { beta1, beta2, epsilon } = optimizer;
  return [
    ...violations,
    ...rule("optimizer.beta1", isIn(beta1, 0, 1) && beta1 < 1, "at least 0, less than 1", beta1),
    ...rule("optimizer.beta2", isIn(beta2, 0, 1) && beta2 < 1, "at least 0, less than 1", beta2),
    // Below it epsilon is 0 in float32, and a weight whose gradient has always been 0 becomes 0/0.
    ...rule("optimizer.epsilon", isIn(epsilon, 1e-37, 1), "1e-37 to 1", epsilon),
  ];
}

function grokfastViolations(grokfast: Grokfast | undefined): Violation[] {
  if (grokfast === undefined) return [];
  const { alpha, lambda } = grokfast;
  return [
    ...rule("optimizer.grokfast.alpha", isIn(alpha, 0, 1) && alpha < 1, "at least 0, less than 1", alpha),
    ...rule("optimizer.grokfast.lambda", isIn(lambda, 0, 1e3), "0 to 1000", lambda),
  ];
}

function splitViolations(split: Split, modulus: number | undefined): Violation[] {
  const kind = oneOf("split.kind", ["torch", "python", "explicit"], split.kind);
  if (kind.length > 0) return kind;
  if (split.kind === "explicit") return trainPairViolations(split.trainPairs, modulus);
  const { fraction } = split;
  if (!isIn(fraction, 0, 1) || fraction === 0) {
    return [violation("split.fraction", "greater than 0, at most 1", fraction)];
  }
  return rule(
    "split.fraction",
    modulus === undefined || trainCount(fraction, modulus) >= 1,
    `at least 1/p^2 = 1/${(modulus ?? 0) ** 2}, so that one pair is trained on`,
    fraction,
  );
}

function trainPairViolations(trainPairs: readonly number[], modulus: number | undefined): Violation[] {
  if (trainPairs.length === 0) return [violation("split.trainPairs", "at least one pair", "none")];
  const last = modulus === undefined ? Number.MAX_SAFE_INTEGER : modulus * modulus - 1;
  const range = modulus === undefined ? "a non-negative integer" : `an integer, 0 to p^2 - 1 = ${last}`;
  const violations: Violation[] = [];
  for (let i = 0; i < trainPairs.length && violations.length < reportedPairs; i++) {
    const field = `split.trainPairs[${i}]`;
    const pair = trainPairs[i];
    if (!isIntegerIn(pair, 0, last)) violations.push(violation(field, range, pair));
    else if (i > 0 && pair <= trainPairs[i - 1]) {
      violations.push(violation(field, `greater than the pair before it, ${trainPairs[i - 1]}`, pair));
    }
  }
  return violations;
}

function oneOf(field: string, allowed: readonly string[], value: string): Violation[] {
  return rule(field, allowed.includes(value), `one of ${allowed.join(", ")}`, quoted(value));
}

/** A name as a description has it, which goes into answers and into every run's row: shortened, for it may be of any length. */
function quoted(value: string): string {
  if (value.length <= longestName) return JSON.stringify(value);
  // By code points, so that none is cut in two.
  const start = [...value.slice(0, longestName)].slice(0, -1).join("");
  return JSON.stringify(`${start}…`);
}

function rule(field: string, holds: boolean, mustBe: string, value: unknown): Violation[] {
  return holds ? [] : [violation(field, mustBe, value)];
}

function violation(field: string, mustBe: string, value: unknown): Violation {
  return { field, description: `must be ${mustBe}; got ${value}` };
}

/** Whether low <= value <= high; false for NaN and infinities. */
function isIn(value: number, low: number, high: number): boolean {
  return value >= low && value <= high;
}

function isIntegerIn(value: number, low: number, high: number): boolean {
  return Number.isInteger(value) && isIn(value, low, high);
}
