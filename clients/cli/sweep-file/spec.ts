import type {
  EmbeddingInput,
  GrokfastInput,
  InitInput,
  OptimizerInput,
  SplitInput,
  SweepSpec,
} from "@grokbox/sdk";
import { at, fields, list, number, optional, type Place, text, uint32, wrong } from "./fields.ts";

const keys = [
  "preset",
  "modulus",
  "width",
  "activation",
  "task",
  "init",
  "optimizer",
  "learning_rate",
  "weight_decay",
  "warmup_steps",
  "split",
  "embedding",
  "grokfast",
] as const;

/** A spec as a person writes it: the fields of `grokbox.v1.Spec`, flat where one kind of thing has them. */
export function readSpec(value: unknown, place: Place): SweepSpec {
  const found = fields(value, place, keys);
  const take = <T>(key: (typeof keys)[number], read: (value: unknown, place: Place) => T) =>
    optional(found[key], at(place, key), read);
  return {
    preset: take("preset", text),
    modulus: take("modulus", uint32),
    width: take("width", uint32),
    activation: take("activation", text),
    task: take("task", text) as SweepSpec["task"],
    init: take("init", readInit),
    optimizer: take("optimizer", readOptimizer),
    learningRate: take("learning_rate", number),
    weightDecay: take("weight_decay", number),
    warmupSteps: take("warmup_steps", uint32),
    split: take("split", readSplit),
    embedding: take("embedding", readEmbedding),
    grokfast: take("grokfast", readGrokfast),
  };
}

function readInit(value: unknown, place: Place): InitInput {
  const { kind, scale } = fields(value, place, ["kind", "scale"] as const);
  return {
    kind: oneOf(["random", "single-frequency"] as const, kind, at(place, "kind")),
    scale: optional(scale, at(place, "scale"), number),
  };
}

/** A number of dimensions, or an object with it. */
function readEmbedding(value: unknown, place: Place): EmbeddingInput {
  if (typeof value === "number") return { dimension: uint32(value, place) };
  const { dimension } = fields(value, place, ["dimension"] as const);
  return { dimension: optional(dimension, at(place, "dimension"), uint32) };
}

/** A lambda, or an object with it and alpha. */
function readGrokfast(value: unknown, place: Place): GrokfastInput {
  if (typeof value === "number") return { lambda: value };
  const { alpha, lambda } = fields(value, place, ["alpha", "lambda"] as const);
  return {
    alpha: optional(alpha, at(place, "alpha"), number),
    lambda: optional(lambda, at(place, "lambda"), number),
  };
}

function readOptimizer(value: unknown, place: Place): OptimizerInput {
  const kinds = ["adamw", "sgd"] as const;
  if (typeof value === "string") return { kind: oneOf(kinds, value, place) };
  const found = fields(value, place, ["kind", "beta1", "beta2", "epsilon"] as const);
  const kind = oneOf(kinds, found.kind, at(place, "kind"));
  const take = (key: "beta1" | "beta2" | "epsilon") => optional(found[key], at(place, key), number);
  const rest = { beta1: take("beta1"), beta2: take("beta2"), epsilon: take("epsilon") };
  if (kind === "adamw") return { kind, ...rest };
  if (Object.values(rest).some((given) => given !== undefined)) throw wrong(place, "has no betas with sgd");
  return { kind };
}

function readSplit(value: unknown, place: Place): SplitInput {
  const found = fields(value, place, ["kind", "fraction", "train_pairs"] as const);
  const kind = oneOf(["torch", "python", "explicit"] as const, found.kind, at(place, "kind"));
  const other = kind === "explicit" ? "fraction" : "train_pairs";
  optional(found[other], at(place, other), (value, where) => {
    throw wrong(where, `must be left out with ${kind}`, value);
  });
  if (kind === "explicit")
    return { kind, trainPairs: list(found.train_pairs ?? [], at(place, "train_pairs"), uint32) };
  return { kind, fraction: optional(found.fraction, at(place, "fraction"), number) };
}

function oneOf<T extends string>(known: readonly T[], value: unknown, place: Place): T {
  const found = known.find((name) => name === value);
  if (found === undefined) throw wrong(place, `must be one of ${known.join(", ")}`, value ?? null);
  return found;
}
