import { completeSpec } from "./presets.ts";
import type { Spec } from "./spec.ts";
import type { SpecInput } from "./spec-input.ts";
import { specViolations, type Violation } from "./spec-rules.ts";

/** What a grid can sweep besides seeds, and the field of a spec that each sets. */
export const sweptFields = {
  modulus: "modulus",
  width: "width",
  activation: "activation",
  task: "task",
  initScale: "init.scale",
  learningRate: "optimizer.learningRate",
  weightDecay: "optimizer.weightDecay",
  warmupSteps: "schedule.warmupSteps",
  trainFraction: "split.fraction",
} as const;

export type SweptParameter = keyof typeof sweptFields;

/** Those whose values are names; the others' are numbers. */
export const namedParameters: readonly SweptParameter[] = ["activation", "task"];

export interface Axis {
  readonly parameter: SweptParameter;
  readonly values: readonly (number | string)[];
}

/** A spec as it is written for a sweep: loosely, over a preset. */
export interface SpecSource {
  /** Empty: `standard`. */
  readonly preset: string;
  readonly input: SpecInput;
}

/** Either every combination of the axes' values over one base, or specs one by one. */
export type Cells =
  | { readonly kind: "grid"; readonly base: SpecSource; readonly axes: readonly Axis[] }
  | { readonly kind: "list"; readonly specs: readonly SpecSource[] };

/**
 * The runs of a sweep: cells x seeds. A group is a cell without its seed: its runs differ in nothing else. Runs are numbered group by
 * group, from 0; groups with the last axis' values varying fastest.
 */
export interface Runs {
  readonly cells: Cells;
  /** Different ones, at least one. */
  readonly seeds: readonly number[];
}

export function groupCount(cells: Cells): number {
  return cells.kind === "list"
    ? cells.specs.length
    : cells.axes.reduce((product, { values }) => product * values.length, 1);
}

export function runCount({ cells, seeds }: Runs): number {
  return groupCount(cells) * seeds.length;
}

/** Which value of each axis a group has; empty for a list. */
export function positionOf(cells: Cells, group: number): number[] {
  if (cells.kind === "list") return [];
  const position: number[] = [];
  let rest = group;
  for (const { values } of cells.axes.toReversed()) {
    position.unshift(rest % values.length);
    rest = Math.floor(rest / values.length);
  }
  return position;
}

export interface Coordinate {
  readonly parameter: SweptParameter;
  readonly value: number | string;
}

/** The values that a group has of the swept parameters; empty for a list. */
export function coordinatesOf(cells: Cells, group: number): Coordinate[] {
  if (cells.kind === "list") return [];
  return positionOf(cells, group).map((at, i) => {
    const { parameter, values } = cells.axes[i]!;
    return { parameter, value: values[at]! };
  });
}

/** The complete spec of a run; not checked. */
export function specOf({ cells, seeds }: Runs, run: number): Spec {
  return { ...groupSpec(cells, Math.floor(run / seeds.length)), seed: seeds[run % seeds.length]! };
}

/** The complete spec of a group, with its source's own seed. */
export function groupSpec(cells: Cells, group: number): Spec {
  if (cells.kind === "list") return complete(cells.specs[group]!);
  const { base } = cells;
  const input = coordinatesOf(cells, group).reduce(
    (sum, { parameter, value }) => withField(sum, sweptFields[parameter], value),
    base.input,
  );
  return complete({ ...base, input });
}

const complete = ({ preset, input }: SpecSource) => completeSpec(input, preset === "" ? undefined : preset);

/** One more field of a spec, by its path, set. */
function withField(input: SpecInput, path: string, value: number | string): SpecInput {
  const [first, second] = path.split(".") as [keyof SpecInput, string | undefined];
  if (second === undefined) return { ...input, [first]: value };
  return { ...input, [first]: { ...(input[first] as object | undefined), [second]: value } };
}

/** What is wrong with the spec of a group, each with the axis that set the value, if one did. */
export interface GroupViolation extends Violation {
  readonly axis: number | undefined;
}

/** Everything that is wrong with the spec of a group, seeds aside. */
export function groupViolations(cells: Cells, group: number): GroupViolation[] {
  const spec = { ...groupSpec(cells, group), seed: 0 };
  const axisOf = (field: string) =>
    cells.kind === "list" ? -1 : cells.axes.findIndex(({ parameter }) => sweptFields[parameter] === field);
  const found = specViolations(spec).map((violation) => {
    const axis = axisOf(violation.field);
    return { ...violation, axis: axis < 0 ? undefined : axis };
  });
  const without = (field: string, what: string) => {
    const axis = axisOf(field);
    return axis < 0
      ? []
      : [{ field, axis, description: `must not be swept: ${what}, so that it would change nothing` }];
  };
  return [
    ...found,
    ...(spec.split.kind === "explicit" ? without("split.fraction", "the training pairs are listed") : []),
    ...(spec.init.kind === "uploaded" ? without("init.scale", "the weights are given") : []),
  ];
}
