/** Which snapshots a session keeps by itself. */
export interface SnapshotSchedule {
  /** Every multiple of this. */
  readonly everySteps?: number;
  /** Steps 1, 2, 4, 8... */
  readonly powersOfTwo: boolean;
  /** Increasing. */
  readonly atSteps: readonly number[];
  /** When a stage boundary becomes known. */
  readonly atStageChanges: boolean;
  /** Of those kept by `everySteps` and `powersOfTwo`, the newest this many stay. */
  readonly retain: number;
}

/** The first step after `step` at which the schedule wants a snapshot; infinite when there is none. */
export function nextScheduled(schedule: SnapshotSchedule | undefined, step: number): number {
  if (schedule === undefined) return Number.POSITIVE_INFINITY;
  const { everySteps, powersOfTwo, atSteps } = schedule;
  const multiple =
    everySteps === undefined ? Number.POSITIVE_INFINITY : (Math.floor(step / everySteps) + 1) * everySteps;
  const power = powersOfTwo ? 2 ** Math.floor(Math.log2(Math.max(1, 2 * step))) : Number.POSITIVE_INFINITY;
  return Math.min(multiple, power, atSteps.find((at) => at > step) ?? Number.POSITIVE_INFINITY);
}

/** Whether the schedule wants a snapshot at this very step. */
export function isScheduled(schedule: SnapshotSchedule | undefined, step: number): boolean {
  return step > 0 && nextScheduled(schedule, step - 1) === step;
}
