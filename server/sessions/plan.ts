import { invalid } from "./errors.ts";
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
  /** The newest sequence before the run. */
  readonly since?: number;
}

/** What the session itself wants, besides its plan. */
export interface Demands {
  /** The first step after `step` at which it keeps a snapshot by itself. */
  nextSnapshot(step: number): number;
  /** Every recorded step must be looked at before the next update: something may have to be done at it. */
  readonly looksAtRecords: boolean;
}

/**
 * Fails with INVALID_FIELD, naming every step of a plan that a session at `step` has passed or that lies after the plan's end, by its place
 * in the plan's lists, which may be in any order.
 */
export function checkPlan({ untilStep, snapshotAt, recordAt }: RunPlan, step: number): void {
  const end = untilStep ?? Number.POSITIVE_INFINITY;
  const violation = (field: string, must: string, got: number) => ({
    field,
    description: `must be ${must}; got ${got}`,
  });
  const passed = `greater than the session's step ${step}`;
  const check = (field: string, steps: readonly number[]) =>
    steps.flatMap((at, i) => {
      if (at <= step) return violation(`${field}[${i}]`, passed, at);
      return at > end ? violation(`${field}[${i}]`, `at most until_step ${end}`, at) : [];
    });
  const violations = [
    ...(end <= step ? [violation("plan.until_step", passed, end)] : []),
    ...check("plan.snapshot_at", snapshotAt),
    ...check("plan.record_at", recordAt),
  ];
  if (violations.length > 0) throw invalid(violations.slice(0, 20));
}

/** The same plan, its lists increasing as they must be to be carried out. */
export function inOrder<P extends RunPlan>(plan: P): P {
  const increasing = (steps: readonly number[]) => [...new Set(steps)].sort((a, b) => a - b);
  return { ...plan, snapshotAt: increasing(plan.snapshotAt), recordAt: increasing(plan.recordAt) };
}

/** Points that one slice may record: more than the longest makes of most networks. To begin and end a slice costs as much as dozens of them. */
export const mostRecords = 1024;

/** Where the next slice is to end at the latest, and which steps on the way are to be recorded. */
export interface Stretch {
  readonly until: number;
  /** Increasing, at most `until`. */
  readonly recordAt: readonly number[];
}

/**
 * The next stretch of a plan from `step` on, of at most `steps` updates. It ends where something must be done there and then: a
 * snapshot, the target, and with stop conditions every recorded step.
 *
 * @param most - points that it may record
 */
export function nextStretch(
  plan: RunPlan,
  step: number,
  steps: number,
  demands: Demands,
  most = mostRecords,
): Stretch {
  const target = plan.untilStep ?? Number.POSITIVE_INFINITY;
  const snapshot = Math.min(firstAfter(plan.snapshotAt, step), demands.nextSnapshot(step));
  const until = Math.min(step + steps, target, snapshot);
  const oneByOne = plan.stopWhen.length > 0 || demands.looksAtRecords;
  const recordAt: number[] = [];
  for (let next = nextRecord(plan, step, snapshot); next <= until; next = nextRecord(plan, next, snapshot)) {
    recordAt.push(next);
    if (recordAt.length === most || oneByOne) return { until: next, recordAt };
  }
  return { until, recordAt };
}

/** Whether a step is recorded however often the run is interrupted, and not only because it was interrupted there. */
export function isPlanned(plan: RunPlan, step: number, demands: Demands): boolean {
  return nextStretch(plan, step - 1, 1, demands).recordAt.includes(step);
}

/** The first step after `step` to be recorded: the plan's multiples and its list, the next snapshot, and the target. */
function nextRecord(plan: RunPlan, step: number, snapshot: number): number {
  const regular = (Math.floor(step / plan.recordEvery) + 1) * plan.recordEvery;
  const target =
    plan.untilStep !== undefined && plan.untilStep > step ? plan.untilStep : Number.POSITIVE_INFINITY;
  const kept = snapshot > step ? snapshot : Number.POSITIVE_INFINITY;
  return Math.min(regular, target, kept, firstAfter(plan.recordAt, step));
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
