import { parseActivation } from "./activation.ts";
import type { Activation, Embedding, Grokfast, Init, Optimizer, Spec, Split, Task } from "./spec.ts";
import type {
  EmbeddingInput,
  GrokfastInput,
  InitInput,
  OptimizerInput,
  SpecInput,
  SplitInput,
} from "./spec-input.ts";

/** A published run, by name. */
export interface Preset {
  readonly name: string;
  /** One sentence for people. */
  readonly description: string;
  /** Updates that the published run makes. */
  readonly steps: number;
  readonly spec: Spec;
}

const adamw = { kind: "adamw", weightDecay: 0, beta1: 0.9, beta2: 0.98, epsilon: 1e-8 } as const;

const standardAdamw: Optimizer & { readonly kind: "adamw" } = { ...adamw, learningRate: 5e-5 };

const standard: Spec = {
  modulus: 23,
  width: 512,
  activation: "relu",
  task: "add",
  init: { kind: "random", scale: 0.1 },
  optimizer: standardAdamw,
  schedule: { warmupSteps: 10 },
  split: { kind: "torch", fraction: 1 },
  seed: 42,
};

type Sgd = Optimizer & { readonly kind: "sgd" };
const slowSgd: Sgd = { kind: "sgd", learningRate: 0.01, weightDecay: 0 };
const fastSgd: Sgd = { kind: "sgd", learningRate: 0.1, weightDecay: 0 };

/** The runs of the paper's figures and of its demo, p = 23, M = 512, seed 42. */
export const presets: Readonly<Record<string, Preset>> = deepFreeze(
  Object.fromEntries(
    [
      {
        name: "standard",
        description: "ReLU network on all pairs with AdamW: Fourier features from random weights.",
        steps: 10_000,
        spec: standard,
      },
      {
        name: "grokking",
        description:
          "ReLU network on three quarters of the pairs with strong weight decay: the three stages.",
        steps: 50_000,
        spec: {
          ...standard,
          optimizer: { ...adamw, learningRate: 1e-4, weightDecay: 2 },
          split: { kind: "python", fraction: 0.75 },
        },
      },
      {
        name: "quad_random",
        description: "Quadratic network on all pairs with AdamW, from random weights.",
        steps: 5_000,
        spec: { ...standard, activation: "x^2" },
      },
      {
        name: "quad_random_sgd",
        description: "Quadratic network on all pairs with SGD: the frequency lottery of figure 10.",
        steps: 10_000,
        spec: { ...standard, activation: "x^2", optimizer: fastSgd },
      },
      {
        name: "relu_random_sgd",
        description: "ReLU network on all pairs with SGD, from ten times smaller random weights.",
        steps: 10_000,
        spec: { ...standard, init: { kind: "random", scale: 0.01 }, optimizer: fastSgd },
      },
      {
        name: "quad_single_freq",
        description: "Quadratic network with SGD, each neuron started on one frequency, which it keeps.",
        steps: 10_000,
        spec: {
          ...standard,
          activation: "x^2",
          init: { kind: "single-frequency", scale: 0.02 },
          optimizer: fastSgd,
        },
      },
      {
        name: "relu_single_freq",
        description: "ReLU network with SGD, each neuron started on one frequency, which leaks to harmonics.",
        steps: 10_000,
        spec: { ...standard, init: { kind: "single-frequency", scale: 0.002 }, optimizer: slowSgd },
      },
    ].map((preset): [string, Preset] => [preset.name, preset as Preset]),
  ),
);

/**
 * A complete spec: `input` over the spec of a preset. Nothing is checked here but the preset's name; `specViolations`
 * finds every wrong value, unknown names included.
 *
 * - Width, when left out, is the preset's, or `defaultWidth` of a modulus that differs from the preset's.
 * - An init or optimizer of another kind than the preset's starts from the documented defaults of that kind: random
 *   0.1, single-frequency 0.02; AdamW 5e-5, no decay, (0.9, 0.98), 1e-8; SGD 0.1, no decay; neither with Grokfast.
 * - An embedding or Grokfast that is asked for has dimension 128, or alpha 0.98 and lambda 2, where nothing else is said; lambda 0 is
 *   without Grokfast.
 * - Fields that the chosen kind doesn't have (betas of SGD, a scale of uploaded weights) are left out.
 *
 * @param presetName - `standard` by default
 * @throws RangeError for an unknown preset
 */
export function completeSpec(input: SpecInput, presetName = "standard"): Spec {
  if (!Object.hasOwn(presets, presetName)) {
    throw new RangeError(`unknown preset "${presetName}"; known: ${Object.keys(presets).join(", ")}`);
  }
  return overlay(presets[presetName].spec, input);
}

/** A spec with some of its values replaced; not checked. */
export function overlay(base: Spec, input: SpecInput): Spec {
  const modulus = input.modulus ?? base.modulus;
  return {
    modulus,
    width: input.width ?? (modulus === base.modulus ? base.width : defaultWidth(modulus)),
    activation: completeActivation(input.activation, base.activation),
    task: (input.task as Task | undefined) ?? base.task,
    init: completeInit(input.init ?? {}, base.init),
    optimizer: completeOptimizer(input.optimizer ?? {}, base.optimizer),
    schedule: { warmupSteps: input.schedule?.warmupSteps ?? base.schedule.warmupSteps },
    split: completeSplit(input.split ?? {}, base.split),
    seed: input.seed ?? base.seed,
    ...completeEmbedding(input.embedding, base.embedding),
  };
}

/** M = max(512, ceil(512/529 p^2)): the paper's width at p = 23, scaled by the number of pairs. */
export function defaultWidth(modulus: number): number {
  // Bounded, so that a wrong modulus is not reported as a wrong width as well.
  return Number.isFinite(modulus)
    ? Math.min(Math.max(512, Math.ceil((512 * modulus * modulus) / 529)), 65_536)
    : 512;
}

function completeActivation(name: string | undefined, base: Activation): Activation {
  return name === undefined ? base : (parseActivation(name) ?? (name as Activation));
}

function completeInit(input: InitInput, base: Init): Init {
  const kind = input.kind ?? base.kind;
  if (kind === "uploaded") return { kind };
  const scale = base.kind === kind && "scale" in base ? base.scale : kind === "random" ? 0.1 : 0.02;
  return { kind: kind as "random" | "single-frequency", scale: input.scale ?? scale };
}

function completeEmbedding(
  input: EmbeddingInput | undefined,
  base: Embedding | undefined,
): Pick<Spec, "embedding"> {
  if (input === undefined) return base === undefined ? {} : { embedding: base };
  return { embedding: { dimension: input.dimension ?? base?.dimension ?? 128 } };
}

function completeOptimizer(input: OptimizerInput, base: Optimizer): Optimizer {
  const kind = input.kind ?? base.kind;
  if (kind === "adamw") {
    const defaults = base.kind === "adamw" ? base : standardAdamw;
    return {
      kind,
      learningRate: input.learningRate ?? defaults.learningRate,
      weightDecay: input.weightDecay ?? defaults.weightDecay,
      beta1: input.beta1 ?? defaults.beta1,
      beta2: input.beta2 ?? defaults.beta2,
      epsilon: input.epsilon ?? defaults.epsilon,
      ...completeGrokfast(input.grokfast, defaults.grokfast),
    };
  }
  const defaults = base.kind === "sgd" ? base : fastSgd;
  return {
    kind: kind as "sgd",
    learningRate: input.learningRate ?? defaults.learningRate,
    weightDecay: input.weightDecay ?? defaults.weightDecay,
    ...completeGrokfast(input.grokfast, defaults.grokfast),
  };
}

function completeGrokfast(
  input: GrokfastInput | undefined,
  base: Grokfast | undefined,
): Pick<Optimizer, "grokfast"> {
  const alpha = input?.alpha ?? base?.alpha ?? 0.98;
  const lambda = input?.lambda ?? base?.lambda ?? 2;
  return (input ?? base) === undefined || lambda === 0 ? {} : { grokfast: { alpha, lambda } };
}

function completeSplit(input: SplitInput, base: Split): Split {
  const kind = input.kind ?? (input.trainPairs === undefined ? base.kind : "explicit");
  if (kind === "explicit") {
    return { kind, trainPairs: input.trainPairs ?? (base.kind === "explicit" ? base.trainPairs : []) };
  }
  const fraction = input.fraction ?? (base.kind === "explicit" ? 1 : base.fraction);
  return { kind: kind as "torch" | "python", fraction };
}

function deepFreeze<T extends object>(value: T): T {
  for (const part of Object.values(value)) if (typeof part === "object") deepFreeze(part);
  return Object.freeze(value);
}
