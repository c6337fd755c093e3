import { expect, test } from "vitest";
import { presets } from "../../model/presets.ts";
import type { Spec } from "../../model/spec.ts";
import { GrokboxError } from "../errors.ts";
import { parseSpecJson } from "./spec-json.ts";

const { spec: standard } = presets.standard!;

function refusal(spec: unknown): string {
  try {
    parseSpecJson(typeof spec === "string" ? spec : JSON.stringify(spec), "spec");
  } catch (error) {
    expect(error).toBeInstanceOf(GrokboxError);
    return (error as GrokboxError).message;
  }
  return "accepted";
}

const others: Spec[] = [
  { ...standard, init: { kind: "uploaded" } },
  { ...standard, split: { kind: "explicit", trainPairs: [0, 7, 528] } },
];

test.each([
  ...Object.values(presets).map(({ name, spec }) => [name, spec] as const),
  ...others.map((spec) => [JSON.stringify(spec).slice(50, 90), spec] as const),
])("the spec of %s comes back equal", (_, spec) => {
  expect(parseSpecJson(JSON.stringify(spec), "spec")).toEqual(spec);
});

test.each(Object.keys(standard))("a spec without %s is refused", (name) => {
  const { [name as keyof Spec]: _, ...rest } = standard;
  expect(refusal(rest)).toMatch(/^spec: must be an object of modulus, /);
});

test.each<[string, unknown, string]>([
  ["no object", [], "spec: must be an object"],
  ["another field", { ...standard, extra: 1 }, "spec: must be an object of"],
  ["a number as a string", { ...standard, seed: "42" }, "spec.seed: must be a number"],
  ["a number that JSON can't hold", { ...standard, seed: Number.NaN }, "spec.seed: must be a number"],
  ["a value out of range", { ...standard, modulus: 22 }, "spec.modulus: must be odd, 3 to 199; got 22"],
  ["an unknown activation", { ...standard, activation: "tanh" }, "spec.activation: must be one of relu,"],
  ["an activation of a megabyte", { ...standard, activation: "x".repeat(2 ** 20) }, "at most 32 characters"],
  [
    "an optimizer of no kind",
    { ...standard, optimizer: {} },
    "spec.optimizer.kind: must be one of adamw, sgd",
  ],
  [
    "an optimizer of a kind that every object has",
    { ...standard, optimizer: { kind: "toString" } },
    "spec.optimizer.kind: must be one of adamw, sgd",
  ],
  [
    "betas of SGD",
    { ...standard, optimizer: { ...standard.optimizer, kind: "sgd" } },
    "spec.optimizer: must be an object of kind, learningRate, weightDecay, perhaps grokfast and nothing else",
  ],
  [
    "pairs that aren't numbers",
    { ...standard, split: { kind: "explicit", trainPairs: ["0"] } },
    "spec.split.trainPairs: must be an array of numbers",
  ],
  [
    "pairs out of order",
    { ...standard, split: { kind: "explicit", trainPairs: [1, 0] } },
    "spec.split.trainPairs[1]: must be greater than the pair before it",
  ],
  ["a deep value", `{"modulus": ${"[".repeat(1_000)}`, "spec: must be nested at most 4 deep"],
  [
    "a prototype",
    JSON.stringify(standard).replace('"seed"', '"__proto__"'),
    "spec: must be an object of modulus",
  ],
])("a spec with %s is refused", (_, spec, reason) => {
  const message = refusal(spec);
  expect(message).toContain(reason);
  expect(message.length).toBeLessThan(300);
});
