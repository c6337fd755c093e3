import type { SnapshotSchedule } from "@grokbox/sdk";
import type { Command } from "commander";
import { UsageError } from "./usage-error.ts";
import { integer, steps, uint32 } from "./values.ts";

/** Which snapshots a person wants a session to keep by itself. */
export interface ScheduleOptions {
  readonly snapshotEvery?: number;
  readonly keepPowersOfTwo?: true;
  readonly snapshotAt?: readonly number[];
  readonly snapshotAtStages?: true;
  readonly retain?: number;
}

/** Adds their flags. */
export function addScheduleOptions(command: Command): Command {
  return command
    .option("--snapshot-every <steps>", "keep a snapshot at every multiple of this", integer)
    .option("--keep-powers-of-two", "keep snapshots at steps 1, 2, 4, 8, ...")
    .option("--snapshot-at <steps>", "keep snapshots at these steps, such as 2200,10000", steps)
    .option("--snapshot-at-stages", "keep one where the end of a stage becomes known")
    .option("--retain <number>", "of those at multiples and powers, how many stay; else 100", uint32);
}

/** Nothing when none of it was said. */
export function scheduleOf(options: ScheduleOptions): SnapshotSchedule | undefined {
  const { snapshotEvery, keepPowersOfTwo, snapshotAt, snapshotAtStages, retain } = options;
  if (retain !== undefined && snapshotEvery === undefined && !keepPowersOfTwo) {
    throw new UsageError("--retain needs --snapshot-every or --keep-powers-of-two");
  }
  const schedule = {
    everySteps: snapshotEvery,
    powersOfTwo: keepPowersOfTwo,
    atSteps: snapshotAt,
    atStageChanges: snapshotAtStages,
    retain,
  };
  return Object.values(schedule).every((value) => value === undefined) ? undefined : schedule;
}

/** every 500 steps, at powers of two; the newest 100 of these stay; at steps 7, 9; empty for none. */
export function scheduleText(schedule: SnapshotSchedule | undefined): string {
  const { everySteps, powersOfTwo, atSteps = [], atStageChanges, retain = 100 } = schedule ?? {};
  const passing = [
    everySteps === undefined ? "" : `every ${everySteps} steps`,
    powersOfTwo ? "at powers of two" : "",
  ].filter((part) => part !== "");
  return [
    passing.length === 0 ? "" : `${passing.join(" and ")}, the newest ${retain} of them`,
    atSteps.length === 0 ? "" : `at ${atSteps.slice(0, 5).join(", ")}${atSteps.length > 5 ? ", ..." : ""}`,
    atStageChanges ? "where stages end" : "",
  ]
    .filter((part) => part !== "")
    .join("; ");
}
