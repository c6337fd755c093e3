import type { MessageInitShape } from "@bufbuild/protobuf";
import type {
  SnapshotSchedule as SnapshotScheduleMessage,
  SnapshotScheduleSchema,
} from "@grokbox/proto/retention";
import { defined } from "./defined.ts";
import { type Known, refuseUnknown } from "./known-keys.ts";
import { fromOptionalUint64, fromUint64, toOptionalUint64, toUint64 } from "./uint64.ts";

/**
 * Which snapshots a session keeps by itself while it trains. Those that somebody asked for, labelled ones and those that a session was
 * forked from are never deleted by themselves.
 */
export interface SnapshotSchedule {
  /** Keep one at every multiple of this, 1 to 10^9. @default none */
  readonly everySteps?: number | undefined;
  /** Keep one at steps 1, 2, 4, 8 and so on. @default false */
  readonly powersOfTwo?: boolean | undefined;
  /** Keep one at each of these steps, at most 1,000. */
  readonly atSteps?: readonly number[] | undefined;
  /** Keep one when the end of a stage becomes known, some steps after it. @default false */
  readonly atStageChanges?: boolean | undefined;
  /** Of those kept by `everySteps` and `powersOfTwo`, the newest so many stay, 1 to 1,000. @default 100 */
  readonly retain?: number | undefined;
}

const keys: Known<SnapshotSchedule> = {
  everySteps: true,
  powersOfTwo: true,
  atSteps: true,
  atStageChanges: true,
  retain: true,
};

type ScheduleInit = MessageInitShape<typeof SnapshotScheduleSchema>;

export function toSchedule(schedule: SnapshotSchedule | undefined): ScheduleInit | undefined {
  if (schedule === undefined) return undefined;
  refuseUnknown(schedule, keys, "snapshot_schedule");
  const { everySteps, powersOfTwo = false, atSteps = [], atStageChanges = false, retain } = schedule;
  return {
    everySteps: toOptionalUint64(everySteps, "snapshot_schedule.every_steps"),
    powersOfTwo,
    atSteps: atSteps.map((step, i) => toUint64(step, `snapshot_schedule.at_steps[${i}]`)),
    atStageChanges,
    retain,
  };
}

export function fromSchedule(message: SnapshotScheduleMessage): SnapshotSchedule {
  const { powersOfTwo, atStageChanges, retain } = message;
  return {
    ...defined({ everySteps: fromOptionalUint64(message.everySteps) }),
    powersOfTwo,
    atSteps: message.atSteps.map(fromUint64),
    atStageChanges,
    ...defined({ retain }),
  };
}
