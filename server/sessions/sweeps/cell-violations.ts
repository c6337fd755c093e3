import type { Spec } from "../../model/spec.ts";
import { trainCount } from "../../model/split.ts";
import { type GroupViolation, groupSpec, groupViolations } from "../../model/sweep-grid.ts";
import type { FieldViolation } from "../errors.ts";
import type { Measure } from "../progress-log.ts";
import { enumName } from "../stop-conditions.ts";
import type { SweepDefinition } from "./definition.ts";

/** What is wrong with the cells of a sweep, as it was found when the sweep was started. Plain data, as it is stored. */
export interface InvalidCells {
  /** Groups whose runs can't begin. */
  readonly groups: number;
  /** Each wrong value once, by where the request has it; of very many the first ones. */
  readonly values: readonly FieldViolation[];
}

export const noInvalidCells: InvalidCells = { groups: 0, values: [] };

/** Why the runs of a group can't begin, seeds aside; empty when they can. Fields are those of a spec, or begin with `plan.`. */
export function cellViolations(definition: SweepDefinition, group: number): GroupViolation[] {
  const found = groupViolations(definition.cells, group);
  return found.length > 0 ? found : testMeasureViolations(definition, group);
}

const ofTestSet: readonly Measure[] = ["testLoss", "testAccuracy", "partner", "heldOut"];

function testMeasureViolations({ cells, plan }: SweepDefinition, group: number): GroupViolation[] {
  return plan.stopWhen.flatMap((condition, i) => {
    if (condition.kind === "plateau" || !ofTestSet.includes(condition.measure)) return [];
    if (hasTestSet(groupSpec(cells, group))) return [];
    const description = `must be a measure that the cell has, which has no test set; got ${enumName(condition.measure)}`;
    return [{ field: `plan.stop_when[${i}].threshold.measure`, description, axis: undefined }];
  });
}

function hasTestSet({ modulus, split }: Spec): boolean {
  const train = split.kind === "explicit" ? split.trainPairs.length : trainCount(split.fraction, modulus);
  return train < modulus * modulus;
}
