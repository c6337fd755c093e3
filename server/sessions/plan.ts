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

/** Points that one slice may record: as many as one message to a watcher should hold, and weights that memory should. */
const mostRecords = 16;

/** Where the next slice is to end at the latest, and which steps on the way are to be recorded. */
export interface Stretch {
  readonly until: number;
  /** Increasing, at most `until`. */
  readonly recordAt: readonly number[];
}

/**
 * The next stretch of a plan from `step` on, of at most `steps` updates. It ends where something must be done there and then: a
 * snapshot, the target, and with stop conditions every recorded step.
 */
export function nextStretch(plan: RunPlan, step: number, steps: number): Stretch {
  const target = plan.untilStep ?? Number.POSITIVE_INFINITY;
  const until = Math.min(step + steps, target, firstAfter(plan.snapshotAt, step));
  const recordAt: number[] = [];
  for (let next = nextRecord(plan, step); next <= until; next = nextRecord(plan, next)) {
    recordAt.push(next);
    if (recordAt.length === mostRecords || plan.stopWhen.length > 0) return { until: next, recordAt };
  }
  return { until, recordAt };
}

/** The first step after `step` that the plan wants recorded: its multiples and its list, snapshots, and the target. */
function nextRecord(plan: RunPlan, step: number): number {
  const regular = (Math.floor(step / plan.recordEvery) + 1) * plan.recordEvery;
  const target =
    plan.untilStep !== undefined && plan.untilStep > step ? plan.untilStep : Number.POSITIVE_INFINITY;
  return Math.min(regular, target, firstAfter(plan.snapshotAt, step), firstAfter(plan.recordAt, step));
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
