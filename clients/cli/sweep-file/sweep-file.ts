import { readFileSync } from "node:fs";
import type { StopCondition, SweepOptions, SweepParameter } from "@grokbox/sdk";
import { snakeCase } from "../measures.ts";
import { count as wholeNumber } from "../numbers.ts";
import { stopCondition } from "../stop-condition.ts";
import { UsageError } from "../usage-error.ts";
import { largestUint32 } from "../values.ts";
import {
  at,
  fields,
  flag,
  integer,
  list,
  number,
  optional,
  type Place,
  text,
  uint32,
  wrong,
} from "./fields.ts";
import { readSpec } from "./spec.ts";

const keys = [
  "title",
  "labels",
  "base",
  "grid",
  "specs",
  "seeds",
  "until_step",
  "stop_when",
  "record_every",
  "record_at",
  "snapshot_at",
  "max_parallel",
  "keep_sessions",
  "refuse_invalid",
  "engine",
] as const;

/** What a grid can have besides seeds; the SDK, which knows them too, is loaded only when there is a call to make. */
export const parameters = [
  "modulus",
  "width",
  "activation",
  "task",
  "initScale",
  "learningRate",
  "weightDecay",
  "warmupSteps",
  "trainFraction",
] as const satisfies readonly SweepParameter[];

export const parameterNames = parameters.map(snakeCase);

/** A sweep as a person writes it, in YAML or JSON. Which values are allowed is the server's to say. */
export async function readSweepFile(file: string): Promise<SweepOptions> {
  let content: string;
  try {
    content = readFileSync(file, "utf8");
  } catch (error) {
    throw new UsageError(`can't read ${file}: ${(error as NodeJS.ErrnoException).code ?? error}`);
  }
  return parseSweep(content, file);
}

/** @param file - its name, for errors */
export async function parseSweep(content: string, file: string): Promise<SweepOptions> {
  const { parse } = await import("yaml");
  let document: unknown;
  try {
    document = parse(content);
  } catch (error) {
    throw new UsageError(`${file} is no YAML: ${error instanceof Error ? error.message : error}`);
  }
  const place: Place = { file, path: "" };
  const found = fields(document, place, keys);
  const take = <T>(key: (typeof keys)[number], read: (value: unknown, place: Place) => T) =>
    optional(found[key], at(place, key), read);
  const untilStep = take("until_step", integer);
  if (untilStep === undefined) throw wrong(at(place, "until_step"), "must be given");
  return {
    untilStep,
    title: take("title", text),
    labels: take("labels", readLabels),
    base: take("base", readSpec),
    grid: take("grid", readGrid),
    specs: take("specs", (value, where) => list(value, where, readSpec)),
    ...seedsOf(found.seeds, (found.grid as { seed?: unknown } | undefined)?.seed, place),
    stopWhen: take("stop_when", (value, where) => list(value, where, readCondition)),
    recordEvery: take("record_every", uint32),
    recordAt: take("record_at", (value, where) => list(value, where, integer)),
    snapshotAt: take("snapshot_at", (value, where) => list(value, where, integer)),
    maxParallel: take("max_parallel", uint32),
    keepSessions: take("keep_sessions", flag),
    refuseInvalid: take("refuse_invalid", flag),
    engine: take("engine", text),
  };
}

function readLabels(value: unknown, place: Place): Record<string, string> {
  const found = fields(value, place, Object.keys((value as object | null) ?? {}));
  return Object.fromEntries(Object.entries(found).map(([key, label]) => [key, text(label, at(place, key))]));
}

/** Seeds are an axis to people; the rest are the SDK's. */
function readGrid(value: unknown, place: Place): SweepOptions["grid"] {
  const found = fields(value, place, [...parameterNames, "seed"]);
  const axes = Object.entries(found).flatMap(([name, values]) => {
    const parameter = parameters.find((known) => snakeCase(known) === name);
    if (parameter === undefined) return [];
    const isNamed = parameter === "activation" || parameter === "task";
    const read: (value: unknown, place: Place) => number | string = isNamed ? text : number;
    return [[parameter, list(values, at(place, name), read)] as const];
  });
  return Object.fromEntries(axes);
}

/** `seeds` or `grid.seed`: a list, or {first, count}. */
function seedsOf(seeds: unknown, inGrid: unknown, place: Place): { seeds?: number[] } {
  if (seeds !== undefined && inGrid !== undefined)
    throw wrong(at(at(place, "grid"), "seed"), "must be left out with seeds");
  const value = seeds ?? inGrid;
  const where = seeds === undefined ? at(at(place, "grid"), "seed") : at(place, "seeds");
  if (value === undefined) return {};
  if (Array.isArray(value)) {
    if (value.length === 0) throw wrong(where, "must have one or more");
    return { seeds: list(value, where, uint32) };
  }
  if (typeof value !== "object") throw wrong(where, "must be a list, or {first: 42, count: 64}", value);
  const range = fields(value, where, ["first", "count"] as const);
  const first = optional(range.first, at(where, "first"), uint32) ?? 0;
  const count = optional(range.count, at(where, "count"), number) ?? 1;
  if (!Number.isInteger(count) || count < 1 || count > 10_000)
    throw wrong(at(where, "count"), "must be a whole number, 1 to 10000", count);
  const most = largestUint32 - first + 1;
  if (count > most) {
    const end = `seeds end at ${wholeNumber(largestUint32)}`;
    throw wrong(at(where, "count"), `must be at most ${most} with this first: ${end}`, count);
  }
  return { seeds: Array.from({ length: count }, (_, i) => first + i) };
}

function readCondition(value: unknown, place: Place): StopCondition {
  try {
    return stopCondition(text(value, place))[0]!;
  } catch (error) {
    if (error instanceof UsageError) throw error;
    const why = (error instanceof Error ? error.message : String(error)).replace(/\.$/, "");
    throw wrong(place, `can't be understood: ${why}`, value);
  }
}
