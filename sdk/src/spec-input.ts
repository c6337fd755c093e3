import type { MessageInitShape } from "@bufbuild/protobuf";
import { type SpecSchema, Task as TaskMessage } from "@grokbox/proto/spec";
import { invalidField } from "./error.ts";
import type { Activation, Task } from "./spec.ts";

/** The published runs, p = 23, M = 512, each with its optimizer. */
const optimizerOfPreset = {
  standard: "adamw",
  grokking: "adamw",
  quad_random: "adamw",
  quad_random_sgd: "sgd",
  relu_random_sgd: "sgd",
  quad_single_freq: "sgd",
  relu_single_freq: "sgd",
} as const;

export type PresetName = keyof typeof optimizerOfPreset;

/** A spec as people write it. What is left out is the preset's, or without a preset the `standard` run's. */
export interface SpecInput {
  /** A published run to start from. */
  readonly preset?: PresetName | (string & {}) | undefined;
  /** p, odd, 3 to 199. @default 23 */
  readonly modulus?: number | undefined;
  /** M, hidden neurons, 8 to 65,536. @default max(512, ceil(512/529 p^2)) */
  readonly width?: number | undefined;
  /** `x` is short for `identity`, `quadratic` for `x^2`. @default relu */
  readonly activation?: Activation | "x" | "quadratic" | (string & {}) | undefined;
  /** @default add */
  readonly task?: Task | undefined;
  /** @default random, scale 0.1 */
  readonly init?: InitInput | undefined;
  /** @default adamw; of another kind than the preset's, with that kind's own defaults */
  readonly optimizer?: OptimizerInput | OptimizerInput["kind"] | undefined;
  /** Of the optimizer, per step. @default 5e-5 (adamw), 0.1 (sgd) */
  readonly learningRate?: number | undefined;
  /** Of the optimizer. @default 0 */
  readonly weightDecay?: number | undefined;
  /** Steps over which the learning rate rises from 0; 0 for none. @default 10 */
  readonly warmupSteps?: number | undefined;
  /** @default all pairs train */
  readonly split?: SplitInput | undefined;
  /** Of PyTorch's, NumPy's and Python's generators, 0 to 2^32 - 1. @default 42 */
  readonly seed?: number | undefined;
  /** A learned one; `{}` for one of the default dimension. Not with a single-frequency init. @default none: theta itself is trained */
  readonly embedding?: EmbeddingInput | undefined;
  /** Of the optimizer; `{}` for the paper's values. @default none */
  readonly grokfast?: GrokfastInput | undefined;
}

export interface EmbeddingInput {
  /** d, 1 to 512. @default 128 */
  readonly dimension?: number | undefined;
}

export interface GrokfastInput {
  /** Of the running mean, at least 0, less than 1. @default 0.98 */
  readonly alpha?: number | undefined;
  /** How much of it is added, at most 1,000; 0 takes Grokfast out again, of a fork say. @default 2 */
  readonly lambda?: number | undefined;
}

export interface InitInput {
  readonly kind: "random" | "single-frequency";
  /** @default 0.1 (random), 0.02 (single-frequency) */
  readonly scale?: number | undefined;
}

export type OptimizerInput =
  | {
      readonly kind: "adamw";
      readonly learningRate?: number | undefined;
      readonly weightDecay?: number | undefined;
      /** @default 0.9 */
      readonly beta1?: number | undefined;
      /** @default 0.98 */
      readonly beta2?: number | undefined;
      /** @default 1e-8 */
      readonly epsilon?: number | undefined;
      readonly grokfast?: GrokfastInput | undefined;
    }
  | {
      readonly kind: "sgd";
      readonly learningRate?: number | undefined;
      readonly weightDecay?: number | undefined;
      readonly grokfast?: GrokfastInput | undefined;
    };

export type SplitInput =
  | { readonly kind: "torch" | "python"; readonly fraction?: number | undefined }
  | { readonly kind: "explicit"; readonly trainPairs: readonly number[] };

const tasks: Readonly<Record<Task, TaskMessage>> = {
  add: TaskMessage.ADD,
  subtract: TaskMessage.SUBTRACT,
  "x^2+xy+y^2": TaskMessage.QUADRATIC_FORM,
};

type SpecInit = MessageInitShape<typeof SpecSchema>;

/** Undefined when nothing but perhaps a preset was said. */
export function toSpec(input: SpecInput): SpecInit | undefined {
  const { modulus, width, activation, seed, warmupSteps, embedding } = input;
  const spec: SpecInit = {
    modulus,
    width,
    activation,
    seed,
    task: input.task === undefined ? undefined : toTask(input.task),
    init: input.init === undefined ? undefined : { kind: toInit(input.init) },
    optimizer: toOptimizer(input, () => kindOf(input.preset)),
    schedule: warmupSteps === undefined ? undefined : { warmupSteps },
    split: input.split === undefined ? undefined : { kind: toSplit(input.split) },
    embedding,
  };
  return Object.values(spec).every((value) => value === undefined) ? undefined : spec;
}

function toTask(task: Task): TaskMessage {
  if (!Object.hasOwn(tasks, task)) {
    throw invalidField("spec.task", `must be one of ${Object.keys(tasks).join(", ")}`, task);
  }
  return tasks[task];
}

function toInit({ kind, scale }: InitInput) {
  if (kind === "random") return { case: "random" as const, value: { scale } };
  if (kind === "single-frequency") return { case: "singleFrequency" as const, value: { scale } };
  throw invalidField("spec.init.kind", "must be random or single-frequency", kind);
}

type OptimizerSettings = Pick<SpecInput, "optimizer" | "learningRate" | "weightDecay" | "grokfast">;

/** @param kindHere - of the optimizer that a learning rate, a weight decay or Grokfast alone is of */
export function toOptimizer(
  { optimizer, learningRate, weightDecay, grokfast }: OptimizerSettings,
  kindHere: () => OptimizerInput["kind"],
): SpecInit["optimizer"] {
  const settings = [optimizer, learningRate, weightDecay, grokfast];
  if (settings.every((setting) => setting === undefined)) return undefined;
  const input = typeof optimizer === "string" ? ({ kind: optimizer } as OptimizerInput) : optimizer;
  const kind = input?.kind ?? kindHere();
  const value = {
    ...input,
    learningRate: learningRate ?? input?.learningRate,
    weightDecay: weightDecay ?? input?.weightDecay,
    grokfast: grokfast ?? input?.grokfast,
  };
  if (kind === "adamw" || kind === "sgd") return { kind: { case: kind, value } };
  throw invalidField("spec.optimizer.kind", "must be adamw or sgd", kind);
}

/** A learning rate is sent as one of a certain optimizer; the wrong one would replace the preset's. */
function kindOf(preset: string | undefined): OptimizerInput["kind"] {
  if (preset === undefined || preset === "") return "adamw";
  if (Object.hasOwn(optimizerOfPreset, preset)) return optimizerOfPreset[preset as PresetName];
  throw invalidField("spec.optimizer.kind", `must be said: the preset ${preset} is not known here`);
}

export function toSplit(split: SplitInput) {
  switch (split.kind) {
    case "torch":
    case "python":
      return { case: split.kind, value: { fraction: split.fraction } };
    case "explicit":
      return { case: split.kind, value: { trainPairs: [...split.trainPairs] } };
    default:
      throw invalidField("spec.split.kind", "must be torch, python or explicit", (split as SplitInput).kind);
  }
}
