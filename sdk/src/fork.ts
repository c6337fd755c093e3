import { SessionService } from "@grokbox/proto/session";
import { type ChangesInput, changesKeys, toChanges } from "./changes.ts";
import type { Connection } from "./connection.ts";
import { type CallOptions, callKeys } from "./deadline.ts";
import { invalidField } from "./error.ts";
import { type Known, refuseUnknown } from "./known-keys.ts";
import { type MeasureInput, toMeasureSchedule } from "./measure-schedule.ts";
import type { At, ExpectedStep } from "./session.ts";
import { fromSession, type SessionInfo } from "./session-info.ts";
import { type SnapshotSchedule, toSchedule } from "./snapshot-schedule.ts";
import { toOptionalUint64 } from "./uint64.ts";

/** What a fork is to be; what is left out is as in the session that it comes from. */
export interface ForkOptions extends ChangesInput, CallOptions, ExpectedStep, At {
  /** Of the new session, at most 64; the source's are not taken over. */
  readonly labels?: Readonly<Record<string, string>> | undefined;
  /** @default the source's */
  readonly engine?: string | undefined;
  /** Steps between progress points, 1 to 1,000,000. @default the source's */
  readonly recordEvery?: number | undefined;
  /** Which snapshots to keep by itself. @default none */
  readonly snapshotSchedule?: SnapshotSchedule | undefined;
  /** What points carry, and how often, as in `StartOptions`. @default as in the source, but for what the fork can't have */
  readonly measures?: readonly MeasureInput[] | undefined;
}

const keys: Known<ForkOptions> = {
  ...changesKeys,
  at: true,
  labels: true,
  engine: true,
  recordEvery: true,
  snapshotSchedule: true,
  measures: true,
  expectedStep: true,
  ...callKeys,
};

/** @param source - the session or its snapshot */
export async function forkSession(
  connection: Connection,
  { spec: { optimizer } }: SessionInfo,
  source: string,
  options: ForkOptions,
): Promise<SessionInfo> {
  refuseUnknown(options, keys);
  const { at, expectedStep, labels = {}, engine = "", recordEvery, snapshotSchedule } = options;
  if (at !== undefined && expectedStep !== undefined) {
    throw invalidField("expected_step", "must be left out with a snapshot, whose step never changes");
  }
  const request = {
    source,
    expectedStep: toOptionalUint64(expectedStep, "expected_step"),
    // A session has one kind of optimizer all its life, so that of its snapshots is the same.
    changes: toChanges(options, optimizer.kind, "changes"),
    labels: { ...labels },
    engine,
    recordEvery,
    snapshotSchedule: toSchedule(snapshotSchedule),
    measureSchedule: toMeasureSchedule(options.measures),
  };
  const { session } = await connection.mutate(SessionService.method.forkSession, request, options);
  return fromSession(session);
}
