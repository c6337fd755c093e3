import type { MessageInitShape } from "@bufbuild/protobuf";
import { type SpecSchema, Task as TaskMessage } from "@grokbox/proto/spec";
import { invalidField } from "./error.ts";
import { type Known, refuseUnknown } from "./known-keys.ts";
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

/**
 * A spec as people write it, or that of a session: `{ ...session.info.spec, seed: 7 }` is the same with another seed. What is left out is the
 * preset's, or without a preset the `standard` run's.
 */
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
  /** As a session's spec has it; `warmupSteps` comes before it. */
  readonly schedule?: ScheduleInput | undefined;
  /** @default all pairs train */
  readonly split?: SplitInput | undefined;
  /** Of PyTorch's, NumPy's and Python's generators, 0 to 2^32 - 1. @default 42 */
  readonly seed?: number | undefined;
  /** A learned one; `{}` for one of the default dimension. Not with a single-frequency init. @default none: theta itself is trained */
  readonly embedding?: EmbeddingInput | undefined;
  /** Of the optimizer; `{}` for the paper's values. @default none */
  readonly grokfast?: GrokfastInput | undefined;
}

export const specKeys: Known<SpecInput> = {
  preset: true,
  modulus: true,
  width: true,
  activation: true,
  task: true,
  init: true,
  optimizer: true,
  learningRate: true,
  weightDecay: true,
  warmupSteps: true,
  schedule: true,
  split: true,
  seed: true,
  embedding: true,
  grokfast: true,
};

export interface ScheduleInput {
  readonly warmupSteps?: number | undefined;
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
  /** `uploaded`, which a session's spec may have, is refused: its weights are not in the spec. */
  readonly kind: "random" | "single-frequency" | "uploaded";
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

const scheduleKeys: Known<ScheduleInput> = { warmupSteps: true };
const embeddingKeys: Known<EmbeddingInput> = { dimension: true };
const grokfastKeys: Known<GrokfastInput> = { alpha: true, lambda: true };
const initKeys: Known<InitInput> = { kind: true, scale: true };

type Of<T extends { readonly kind: string }, K> = Extract<T, { readonly kind: K }>;

const sgdKeys: Known<Of<OptimizerInput, "sgd">> = {
  kind: true,
  learningRate: true,
  weightDecay: true,
  grokfast: true,
};
const adamwKeys: Known<Of<OptimizerInput, "adamw">> = { ...sgdKeys, beta1: true, beta2: true, epsilon: true };

const shuffledKeys: Known<Of<SplitInput, "torch" | "python">> = { kind: true, fraction: true };
const explicitKeys: Known<Of<SplitInput, "explicit">> = { kind: true, trainPairs: true };

const tasks: Readonly<Record<Task, TaskMessage>> = {
  add: TaskMessage.ADD,
  subtract: TaskMessage.SUBTRACT,
  "x^2+xy+y^2": TaskMessage.QUADRATIC_FORM,
};

type SpecInit = MessageInitShape<typeof SpecSchema>;

/**
 * Undefined when nothing but perhaps a preset was said. Which keys the input itself may have is the caller's to check.
 *
 * @param field - of the request, for errors
 */
export function toSpec(input: SpecInput, field = "spec"): SpecInit | undefined {
  const { modulus, width, activation, seed, schedule, embedding } = input;
  refuseUnknown(schedule, scheduleKeys, `${field}.schedule`);
  const warmupSteps = input.warmupSteps ?? schedule?.warmupSteps;
  refuseUnknown(embedding, embeddingKeys, `${field}.embedding`);
  const spec: SpecInit = {
    modulus,
    width,
    activation,
    seed,
    task: input.task === undefined ? undefined : toTask(input.task, field),
    init: input.init === undefined ? undefined : { kind: toInit(input.init, field) },
    optimizer: toOptimizer(input, () => kindOf(input.preset, field), field),
    schedule: warmupSteps === undefined ? undefined : { warmupSteps },
    split: input.split === undefined ? undefined : { kind: toSplit(input.split, field) },
    embedding,
  };
  return Object.values(spec).every((value) => value === undefined) ? undefined : spec;
}

function toTask(task: Task, field: string): TaskMessage {
  if (!Object.hasOwn(tasks, task)) {
    throw invalidField(`${field}.task`, `must be one of ${Object.keys(tasks).join(", ")}`, task);
  }
  return tasks[task];
}

function toInit(init: InitInput, field: string) {
  refuseUnknown(init, initKeys, `${field}.init`);
  const { kind, scale } = init;
  if (kind === "random") return { case: "random" as const, value: { scale } };
  if (kind === "single-frequency") return { case: "singleFrequency" as const, value: { scale } };
  throw invalidField(`${field}.init.kind`, "must be random or single-frequency", kind);
}

type OptimizerSettings = Pick<SpecInput, "optimizer" | "learningRate" | "weightDecay" | "grokfast">;

/**
 * @param kindHere - of the optimizer that a learning rate, a weight decay or Grokfast alone is of
 * @param field - of the spec in the request, for errors
 */
export function toOptimizer(
  { optimizer, learningRate, weightDecay, grokfast }: OptimizerSettings,
  kindHere: () => OptimizerInput["kind"],
  field: string,
): SpecInit["optimizer"] {
  const settings = [optimizer, learningRate, weightDecay, grokfast];
  if (settings.every((setting) => setting === undefined)) return undefined;
  const input = typeof optimizer === "string" ? ({ kind: optimizer } as OptimizerInput) : optimizer;
  const kind = input?.kind ?? kindHere();
  if (kind !== "adamw" && kind !== "sgd")
    throw invalidField(`${field}.optimizer.kind`, "must be adamw or sgd", kind);
  const place = `${field}.optimizer.${kind}`;
  refuseUnknown<object>(input, kind === "sgd" ? sgdKeys : adamwKeys, place);
  refuseUnknown(input?.grokfast, grokfastKeys, `${place}.grokfast`);
  refuseUnknown(grokfast, grokfastKeys, `${place}.grokfast`);
  const value = {
    ...input,
    learningRate: learningRate ?? input?.learningRate,
    weightDecay: weightDecay ?? input?.weightDecay,
    grokfast: grokfast ?? input?.grokfast,
  };
  return { kind: { case: kind, value } };
}

/** A learning rate is sent as one of a certain optimizer; the wrong one would replace the preset's. */
function kindOf(preset: string | undefined, field: string): OptimizerInput["kind"] {
  if (preset === undefined || preset === "") return "adamw";
  if (Object.hasOwn(optimizerOfPreset, preset)) return optimizerOfPreset[preset as PresetName];
  throw invalidField(`${field}.optimizer.kind`, `must be said: the preset ${preset} is not known here`);
}

/** @param field - of the spec in the request, for errors */
export function toSplit(split: SplitInput, field: string) {
  switch (split?.kind) {
    case "torch":
    case "python":
      refuseUnknown(split, shuffledKeys, `${field}.split.${split.kind}`);
      return { case: split.kind, value: { fraction: split.fraction } };
    case "explicit":
      refuseUnknown(split, explicitKeys, `${field}.split.explicit`);
      return { case: split.kind, value: { trainPairs: [...split.trainPairs] } };
    default:
      throw invalidField(
        `${field}.split.kind`,
        "must be torch, python or explicit",
        (split as SplitInput | null)?.kind,
      );
  }
}
