import type { Changes } from "./changes.ts";
import type { Head } from "./head.ts";
import type { MeasureSchedule } from "./measure-schedule.ts";
import type { RunPlan } from "./plan.ts";
import type { SnapshotSchedule } from "./schedule.ts";
import type { SessionEvent } from "./session-event.ts";
import type { SessionState } from "./state.ts";
import type { StopReason } from "./stop-reason.ts";
import type { Trigger } from "./triggers.ts";

/** What of a session never changes. */
export interface SessionIdentity {
  /** sessions/{id} */
  readonly name: string;
  /** Greater than that of every session started before. */
  readonly ordinal: number;
  readonly preset: string;
  /** That it began with, and why that one. */
  readonly engine: string;
  readonly engineReason: string;
  readonly recordEvery: number;
  readonly createTimeMs: number;
  /** Where it was forked from, and with which changes. */
  readonly parent?: { readonly session: string; readonly step: number; readonly changes: Changes };
  /** The state at which it began, and whether its spec draws it; not known of the sessions of earlier versions. */
  readonly base?: { readonly step: number; readonly isDrawn: boolean };
  /** The run of a sweep that it was made for. */
  readonly sweep?: { readonly name: string; readonly run: number };
}

/** What of a session is not bound to a step: what it is asked to do, and what people wrote. Plain data, as it is stored. */
export interface Intent {
  readonly labels: Readonly<Record<string, string>>;
  readonly state: SessionState;
  readonly stopReason?: StopReason;
  /** Of the run under way, or interrupted by the server's end. */
  readonly plan?: RunPlan;
  /** That run goes on after a crash, and what was recorded of it before has not all been made again. */
  readonly retraces?: true;
  readonly schedule?: SnapshotSchedule | undefined;
  /** It belongs to its sweep, which alone moves it, until its run there has ended. */
  readonly isOwned?: true;
  readonly triggers: readonly Trigger[];
  /** Absent for none. */
  readonly measures?: MeasureSchedule;
  readonly events: readonly SessionEvent[];
  readonly commitTimeMs: number;
}

/** The body of a session's row in the store. */
export interface SessionRecord {
  readonly identity: SessionIdentity;
  readonly head: Head;
  readonly intent: Intent;
}
