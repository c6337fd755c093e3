import type { MessageInitShape } from "@bufbuild/protobuf";
import type { SweepDefinitionSchema } from "@grokbox/proto/sweep";
import { type CallOptions, callKeys } from "./deadline.ts";
import { invalidField, show } from "./error.ts";
import { type Known, refuseUnknown } from "./known-keys.ts";
import { planKeys, type RunPlan, toRunPlan } from "./run-plan.ts";
import { type SpecInput, specKeys, toSpec } from "./spec-input.ts";
import { isSweepParameter, type SweepParameter, sweepParameters, toParameter } from "./sweep-parameter.ts";

/** A spec of a sweep, which says its seeds for all. */
export type SweepSpec = Omit<SpecInput, "seed">;

/** Values by parameter; the order of the parameters is that of the axes, the last one's values varying fastest. */
export type SweepGrid = Readonly<Partial<Record<SweepParameter, readonly (number | string)[]>>>;

/** What a sweep is to do: every combination of the grid's values over `base`, or each of `specs`, with every seed. */
export interface SweepOptions extends CallOptions, RunPlan {
  /** For people, at most 255 characters. */
  readonly title?: string | undefined;
  /** Its sessions carry them too. At most 64. */
  readonly labels?: Readonly<Record<string, string>> | undefined;
  /** What all cells of a grid have in common. */
  readonly base?: SweepSpec | undefined;
  /** @default the base alone */
  readonly grid?: SweepGrid | undefined;
  /** In place of `base` and `grid`. */
  readonly specs?: readonly SweepSpec[] | undefined;
  /** All different, 1 to 10,000; with the cells at most `Limits.maxSweepRuns` runs. @default 42 alone */
  readonly seeds?: readonly number[] | undefined;
  /** Where a run ends unless a condition ends it before. */
  readonly untilStep: number;
  /** Steps between recorded points. @default 100 */
  readonly recordEvery?: number | undefined;
  /** Runs that train at a time, 1 to 64. @default 8 */
  readonly maxParallel?: number | undefined;
  /** Sessions stay when their run has ended. @default false */
  readonly keepSessions?: boolean | undefined;
  /** One invalid cell is enough for the sweep to be refused. @default false: it ends its own runs; see `SweepInfo.invalidValues` */
  readonly refuseInvalid?: boolean | undefined;
  /** @default the server's choice */
  readonly engine?: string | undefined;
}

const keys: Known<SweepOptions> = {
  title: true,
  labels: true,
  base: true,
  grid: true,
  specs: true,
  seeds: true,
  ...planKeys,
  maxParallel: true,
  keepSessions: true,
  refuseInvalid: true,
  engine: true,
  ...callKeys,
};

const { seed: _, ...sweepSpecKeys } = specKeys;

export function toDefinition(options: SweepOptions): MessageInitShape<typeof SweepDefinitionSchema> {
  refuseUnknown(options, keys);
  const { title = "", labels = {}, seeds = [], maxParallel, engine = "" } = options;
  return {
    title,
    labels: { ...labels },
    cells: toCells(options),
    seeds: seeds.map(toSeed),
    plan: toRunPlan(options, "definition.plan"),
    maxParallel,
    keepSessions: options.keepSessions ?? false,
    refuseInvalid: options.refuseInvalid ?? false,
    engine,
  };
}

function toCells({ base, grid, specs }: SweepOptions) {
  if (specs === undefined) {
    const axes = Object.entries(grid ?? {}).map(([name, values]) => toAxis(name, values ?? []));
    return {
      case: "grid" as const,
      value: { preset: base?.preset ?? "", base: toBase(base, "definition.grid.base"), axes },
    };
  }
  if (base !== undefined || grid !== undefined)
    throw invalidField("specs", "must be left out with a base or a grid");
  return {
    case: "list" as const,
    value: {
      specs: specs.map((spec, i) => ({
        preset: spec.preset ?? "",
        spec: toBase(spec, `definition.list.specs[${i}].spec`),
      })),
    },
  };
}

function toBase(spec: SweepSpec | undefined, field: string) {
  if (spec === undefined) return undefined;
  if ((spec as SpecInput | null)?.seed !== undefined)
    throw invalidField(`${field}.seed`, "must be left out; seeds has them");
  refuseUnknown(spec, sweepSpecKeys, field);
  return toSpec(spec, field);
}

function toAxis(name: string, values: readonly (number | string)[]) {
  if (!isSweepParameter(name))
    throw invalidField(`grid.${name}`, `must be one of ${sweepParameters.join(", ")}`);
  const parameter = toParameter(name);
  return name === "activation" || name === "task"
    ? { parameter, names: values.map(String) }
    : { parameter, values: values.map((value, i) => toNumber(value, `grid.${name}[${i}]`)) };
}

function toNumber(value: number | string, field: string): number {
  if (typeof value === "number") return value;
  throw invalidField(field, "must be a number", show(value));
}

function toSeed(seed: number, i: number): number {
  if (Number.isInteger(seed) && seed >= 0 && seed < 2 ** 32) return seed;
  throw invalidField(`seeds[${i}]`, "must be an integer, 0 to 4294967295 (2^32 - 1)", show(seed));
}
