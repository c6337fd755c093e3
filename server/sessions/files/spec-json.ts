import type { Spec } from "../../model/spec.ts";
import { specViolations } from "../../model/spec-rules.ts";
import { invalid } from "../errors.ts";
import { type Json, parseBoundedJson } from "./bounded-json.ts";

type Kind = "number" | "string" | "numbers" | Shape | Variants;
/** The fields of an object, all of which it must have, but those whose name here ends in `?`. */
interface Shape {
  readonly [field: string]: Kind;
}
/** Objects told apart by their `kind`. */
interface Variants {
  readonly kinds: Readonly<Record<string, Shape>>;
}

/** Longer than every name in a spec, and short enough for a message. */
const maxNameLength = 32;

const rates = { learningRate: "number", weightDecay: "number" } as const;
const grokfast = { "grokfast?": { alpha: "number", lambda: "number" } } as const;

/** `Spec` of `model/spec.ts`, field by field. */
const specShape: Shape = {
  modulus: "number",
  width: "number",
  activation: "string",
  task: "string",
  init: {
    kinds: { random: { scale: "number" }, "single-frequency": { scale: "number" }, uploaded: {} },
  },
  optimizer: {
    kinds: {
      adamw: { ...rates, beta1: "number", beta2: "number", epsilon: "number", ...grokfast },
      sgd: { ...rates, ...grokfast },
    },
  },
  schedule: { warmupSteps: "number" },
  split: {
    kinds: {
      torch: { fraction: "number" },
      python: { fraction: "number" },
      explicit: { trainPairs: "numbers" },
    },
  },
  seed: "number",
  "embedding?": { dimension: "number" },
};

/**
 * A complete spec from JSON that anybody may have written: exactly the fields of `Spec`, every rule of `spec-rules.ts` held.
 *
 * @param field - what the text is, for errors
 * @throws GrokboxError INVALID_FIELD with each field that is wrong
 */
export function parseSpecJson(text: string, field: string): Spec {
  const spec = convert(parseBoundedJson(text, field), specShape, field) as Spec;
  const violations = specViolations(spec);
  if (violations.length === 0) return spec;
  throw invalid(violations.map((violation) => ({ ...violation, field: `${field}.${violation.field}` })));
}

function convert(value: Json | undefined, kind: Kind, field: string): unknown {
  switch (kind) {
    case "number":
      if (typeof value !== kind) throw mustBe(field, "a number");
      return value;
    case "string":
      if (typeof value !== kind || (value as string).length > maxNameLength) {
        throw mustBe(field, `a string of at most ${maxNameLength} characters`);
      }
      return value;
    case "numbers":
      if (Array.isArray(value) && value.every((item) => typeof item === "number")) return value;
      throw mustBe(field, "an array of numbers");
    default:
      if (!(value instanceof Map)) throw mustBe(field, "an object");
      return isVariants(kind) ? convertVariant(value, kind, field) : convertFields(value, kind, field);
  }
}

function isVariants(kind: Shape | Variants): kind is Variants {
  return "kinds" in kind;
}

function convertVariant(value: ReadonlyMap<string, Json>, { kinds }: Variants, field: string): unknown {
  const kind = value.get("kind");
  if (typeof kind !== "string" || !Object.hasOwn(kinds, kind)) {
    throw mustBe(`${field}.kind`, `one of ${Object.keys(kinds).join(", ")}`);
  }
  return convertFields(value, { kind: "string", ...kinds[kind] }, field);
}

function convertFields(value: ReadonlyMap<string, Json>, shape: Shape, field: string): unknown {
  const kinds = Object.entries(shape).map(([key, kind]) => {
    const isOptional = key.endsWith("?");
    return { name: isOptional ? key.slice(0, -1) : key, kind, isOptional };
  });
  const there = kinds.filter(({ name, isOptional }) => value.has(name) || !isOptional);
  if (value.size !== there.length || !there.every(({ name }) => value.has(name))) {
    const names = kinds.map(({ name, isOptional }) => (isOptional ? `perhaps ${name}` : name));
    throw mustBe(field, `an object of ${names.join(", ")} and nothing else`);
  }
  return Object.fromEntries(
    there.map(({ name, kind }) => [name, convert(value.get(name), kind, `${field}.${name}`)]),
  );
}

function mustBe(field: string, what: string) {
  return invalid([{ field, description: `must be ${what}` }]);
}
