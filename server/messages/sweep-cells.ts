import { setImmediate } from "node:timers/promises";
import type { Spec } from "../model/spec.ts";
import { trainCount } from "../model/split.ts";
import { type Cells, groupCount, groupSpec, groupViolations, positionOf } from "../model/sweep-grid.ts";
import type { Measure } from "../sessions/progress-log.ts";
import { apiName } from "../sessions/stop-conditions.ts";
import type { SweepDefinition } from "../sessions/sweeps/definition.ts";
import type { Checks } from "./checks.ts";
import { protoPath } from "./spec.ts";

/** Wrong values that are named; more say nothing new. */
const mostNamed = 20;
/** Cells that are looked at before others have a turn. */
const cellsATurn = 2_000;

/** Checks every cell of a sweep, and names each wrong value once, by where the definition has it. */
export async function checkCells(checks: Checks, definition: SweepDefinition): Promise<void> {
  const { cells, skipInvalid } = definition;
  const named = new Set<string>();
  const fail = (field: string, description: string) => {
    if (named.has(field) || named.size >= mostNamed) return;
    named.add(field);
    checks.add([{ field, description }]);
  };
  for (let group = 0; group < groupCount(cells) && named.size < mostNamed; group++) {
    if (group % cellsATurn === cellsATurn - 1) await setImmediate();
    const found = groupViolations(cells, group);
    for (const { field, axis, description } of skipInvalid ? [] : found)
      fail(whereOf(cells, group, field, axis), description);
    if (found.length === 0) checkTestMeasures(definition, group, fail);
  }
}

function whereOf(cells: Cells, group: number, field: string, axis: number | undefined): string {
  if (cells.kind === "grid" && axis !== undefined) {
    const at = positionOf(cells, group)[axis]!;
    const isNamed = typeof cells.axes[axis]!.values[at] === "string";
    return `grid.axes[${axis}].${isNamed ? "names" : "values"}[${at}]`;
  }
  const path = protoPath(field, groupSpec(cells, group));
  return cells.kind === "grid" ? `grid.${path.replace("spec", "base")}` : `list.specs[${group}].${path}`;
}

const ofTestSet: readonly Measure[] = ["testLoss", "testAccuracy", "partner", "heldOut"];

function checkTestMeasures(
  { cells, plan }: SweepDefinition,
  group: number,
  fail: (field: string, description: string) => void,
): void {
  for (const [i, condition] of plan.stopWhen.entries()) {
    if (condition.kind === "plateau" || !ofTestSet.includes(condition.measure)) continue;
    if (hasTestSet(groupSpec(cells, group))) continue;
    fail(
      `plan.stop_when[${i}].threshold.measure`,
      `must be a measure that every cell has; group ${group} has no test set; got ${apiName(condition.measure)}`,
    );
  }
}

function hasTestSet({ modulus, split }: Spec): boolean {
  const train = split.kind === "explicit" ? split.trainPairs.length : trainCount(split.fraction, modulus);
  return train < modulus * modulus;
}
