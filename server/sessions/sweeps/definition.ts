import type { Runs } from "../../model/sweep-grid.ts";
import type { RunPlan } from "../plan.ts";

/** Runs of one group are read together for their bands. */
export const mostSeeds = 10_000;
/** Sessions of one sweep at a time. */
export const mostParallel = 64;
export const defaultParallel = 8;

/** Everything that a sweep was asked to do; never changes. Plain data, as it is stored. */
export interface SweepDefinition extends Runs {
  /** For people; may be empty. */
  readonly title: string;
  readonly labels: Readonly<Record<string, string>>;
  /** Of every run. */
  readonly plan: RunPlan & { readonly untilStep: number };
  /** A name of an offered engine, or empty. */
  readonly engine: string;
  /** Sessions of their own that train at a time. */
  readonly maxParallel: number;
  /** Sessions stay when their run has ended. */
  readonly keepSessions: boolean;
  /** It was to be refused if any cell had no spec; otherwise such a cell only ends its own runs, with that reason. */
  readonly refuseInvalid: boolean;
}

/**
 * A definition as the store has it. JSON has null for a number that is not finite, which as a value of a spec would be taken for left
 * out: the cell would train with the preset's value. It is NaN again, which no cell can have.
 */
export function storedDefinition(definition: SweepDefinition): SweepDefinition {
  return { ...definition, cells: withNaN(definition.cells) as SweepDefinition["cells"] };
}

function withNaN(value: unknown): unknown {
  if (value === null) return Number.NaN;
  if (Array.isArray(value)) return value.map(withNaN);
  if (typeof value !== "object") return value;
  return Object.fromEntries(Object.entries(value).map(([name, part]) => [name, withNaN(part)]));
}

/** Steps of a run that a sweep keeps, at most: as fine as bands are drawn. */
const gridSteps = 128;

/**
 * The common grid of a sweep's curves: its runs are recorded at the same steps, of which so many are kept, as evenly as they come.
 *
 * @returns increasing, from 0 to the plan's end
 */
export function gridOf(plan: SweepDefinition["plan"]): number[] {
  const steps = recordedSteps(plan);
  const stride = Math.ceil((steps.length - 1) / (gridSteps - 1)) || 1;
  return steps.filter((_, i) => i % stride === 0 || i === steps.length - 1);
}

/** Every step that a run of the plan records, increasing. */
export function recordedSteps({
  untilStep,
  recordEvery,
  recordAt,
  snapshotAt,
}: SweepDefinition["plan"]): number[] {
  const regular = Array.from({ length: Math.floor(untilStep / recordEvery) + 1 }, (_, i) => i * recordEvery);
  const all = new Set([...regular, ...recordAt, ...snapshotAt, untilStep]);
  return [...all].sort((a, b) => a - b);
}

/** How many those are at most, without making them. */
export function recordCount({
  untilStep,
  recordEvery,
  recordAt,
  snapshotAt,
}: SweepDefinition["plan"]): number {
  return Math.floor(untilStep / recordEvery) + 2 + recordAt.length + snapshotAt.length;
}
