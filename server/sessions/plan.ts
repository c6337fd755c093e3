import type { StopCondition } from "./stop-conditions.ts";

/** What a background run is to do. */
export interface RunPlan {
  /** Stop there; without it only conditions or a pause stop the run. */
  readonly untilStep?: number;
  readonly stopWhen: readonly StopCondition[];
  /** Keep snapshots at these steps; increasing. */
  readonly snapshotAt: readonly number[];
  /** Record multiples of this. */
  readonly recordEvery: number;
  /** Record these besides; increasing. */
  readonly recordAt: readonly number[];
}

/** The first step after `step` at which the plan wants something: the session stops there for a moment. */
export function nextMilestone(plan: RunPlan, step: number): number {
  const regular = (Math.floor(step / plan.recordEvery) + 1) * plan.recordEvery;
  return Math.min(
    regular,
    plan.untilStep ?? Number.POSITIVE_INFINITY,
    firstAfter(plan.snapshotAt, step),
    firstAfter(plan.recordAt, step),
  );
}

/** First element above `step` of an increasing list, by bisection. */
function firstAfter(steps: readonly number[], step: number): number {
  let low = 0;
  let high = steps.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (steps[middle]! > step) high = middle;
    else low = middle + 1;
  }
  return steps[low] ?? Number.POSITIVE_INFINITY;
}
