import { setImmediate } from "node:timers/promises";
import { type Cells, type GroupViolation, groupCount, groupSpec, positionOf } from "../model/sweep-grid.ts";
import type { FieldViolation } from "../sessions/errors.ts";
import { cellViolations, type InvalidCells } from "../sessions/sweeps/cell-violations.ts";
import type { SweepDefinition } from "../sessions/sweeps/definition.ts";
import { protoPath } from "./spec.ts";

/** Wrong values that are named; more say nothing new. */
const mostNamed = 20;
/** Cells that are looked at before others have a turn. */
const cellsATurn = 2_000;

/** Looks at every cell of a sweep, and names each wrong value once, by where the definition has it. */
export async function invalidCells(definition: SweepDefinition): Promise<InvalidCells> {
  const { cells } = definition;
  const named = new Map<string, FieldViolation>();
  let groups = 0;
  for (let group = 0; group < groupCount(cells); group++) {
    if (group % cellsATurn === cellsATurn - 1) await setImmediate();
    const found = cellViolations(definition, group);
    if (found.length > 0) groups += 1;
    for (const violation of found) {
      if (named.size === mostNamed) break;
      const field = whereOf(cells, group, violation);
      if (!named.has(field)) named.set(field, { field, description: violation.description });
    }
  }
  return { groups, values: [...named.values()] };
}

function whereOf(cells: Cells, group: number, { field, axis }: GroupViolation): string {
  if (field.startsWith("plan.")) return field;
  if (cells.kind === "grid" && axis !== undefined) {
    const at = positionOf(cells, group)[axis]!;
    const isNamed = typeof cells.axes[axis]!.values[at] === "string";
    return `grid.axes[${axis}].${isNamed ? "names" : "values"}[${at}]`;
  }
  const path = protoPath(field, groupSpec(cells, group));
  return cells.kind === "grid" ? `grid.${path.replace("spec", "base")}` : `list.specs[${group}].${path}`;
}
