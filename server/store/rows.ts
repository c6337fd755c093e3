import type { End } from "./last-end.ts";

/** A session without its weights. `spec` and `body` are JSON, opaque to the store. */
export interface SessionRow {
  readonly id: string;
  /** Orders the sessions of a store; unique. */
  readonly ordinal: number;
  readonly createTimeMs: number;
  readonly epoch: string;
  /** The snapshot that it was forked from; need not exist any more. */
  readonly parent: { readonly session: string; readonly step: number } | null;
  readonly state: string;
  readonly step: number;
  readonly spec: unknown;
  readonly body: unknown;
}

export interface NamedShape {
  readonly name: string;
  readonly shape: readonly number[];
}

export interface StoredArray extends NamedShape {
  readonly data: Float32Array;
}

/** A session's whole state at one step, to be stored. */
export interface StateInput {
  readonly session: string;
  readonly step: number;
  /** JSON, opaque to the store. Keep it small: a server's start reads that of every snapshot. */
  readonly meta: unknown;
  readonly arrays: readonly StoredArray[];
  /** [p, p] mask of training pairs. */
  readonly train: Uint8Array;
  readonly createTimeMs: number;
  /** Of snapshots: "user", "scheduled", ... */
  readonly kind: string;
  readonly pinned: boolean;
}

export interface SnapshotInput extends StateInput {
  /** It is also the session's present state: stored once, and there until both snapshot and head are gone or replaced. */
  readonly head?: boolean;
  /** Takes the place of a snapshot of the same session and step, which is otherwise an error, EXISTS. */
  readonly replace?: boolean;
}

export interface SnapshotRow {
  readonly session: string;
  readonly step: number;
  readonly createTimeMs: number;
  readonly kind: string;
  readonly pinned: boolean;
  /** Of all arrays. */
  readonly bytes: number;
  /** Of the arrays' bytes, in order, little-endian. */
  readonly sha256: Uint8Array;
  readonly meta: unknown;
  readonly tensors: readonly NamedShape[];
}

export interface StateRow extends SnapshotRow {
  readonly arrays: readonly StoredArray[];
  readonly train: Uint8Array;
}

/** `count` progress points with the sequences from `firstSequence` on, in `data` one after another, each of the same size. */
export interface ProgressRow {
  readonly firstSequence: number;
  readonly count: number;
  readonly data: Uint8Array;
}

export interface AnswerRow {
  readonly requestId: string;
  readonly fingerprint: string;
  readonly method: string;
  readonly response: Uint8Array;
  readonly expireTimeMs: number;
}

/** What was done to a session; stays when the session is deleted. */
export interface EventRow {
  readonly session: string;
  readonly step: number;
  readonly timeMs: number;
  readonly kind: string;
  readonly body: unknown;
}

/** Many runs as one job. `body` is JSON, opaque to the store. */
export interface SweepRow {
  readonly id: string;
  /** Orders the sweeps of a store; unique. */
  readonly ordinal: number;
  readonly createTimeMs: number;
  readonly state: string;
  readonly body: unknown;
}

/** A finished run of a sweep. `body` is JSON and `curve` bytes, both opaque to the store. */
export interface SweepRunRow {
  readonly sweep: string;
  /** From 0. */
  readonly run: number;
  /** Orders the finished runs of a sweep by when they finished. */
  readonly sequence: number;
  readonly outcome: string;
  readonly steps: number;
  readonly finishTimeMs: number;
  readonly body: unknown;
  readonly curve: Uint8Array;
}

/** A sweep and which of its runs have finished, one entry a run in every column, in the order of the runs. */
export interface LoadedSweep {
  readonly row: SweepRow;
  readonly runs: readonly number[];
  readonly sequences: readonly number[];
  readonly outcomes: readonly string[];
  readonly steps: readonly number[];
}

/** Some finished runs of a sweep, of which those that are damaged are left out. */
export interface SweepRuns {
  readonly rows: readonly SweepRunRow[];
  readonly damaged: readonly number[];
}

/** A part of the finished runs in the order in which they finished. How far it goes is not told by its rows, of which some may be left out. */
export interface SweepRunPage extends SweepRuns {
  /** Sequence of the last run that was read, be it damaged; before the first wanted when there was none. */
  readonly last: number;
  /** There may be runs after it. */
  readonly hasMore: boolean;
}

export interface SnapshotKey {
  readonly session: string;
  readonly step: number;
}

/**
 * What becomes durable together. It is done in this order: sessions and snapshots are deleted, progress is truncated, sessions,
 * heads and snapshots are put, snapshots updated, progress appended and trimmed, then answers and events, then sweeps deleted and put,
 * and their runs.
 */
export interface Commit {
  /** With their head, snapshots and progress. Events stay. One that doesn't exist is no error. */
  readonly deleteSessions?: readonly string[];
  /** A head that shares the snapshot's arrays stays. One that doesn't exist is no error. */
  readonly deleteSnapshots?: readonly SnapshotKey[];
  /** Removes all points after `afterSequence`. */
  readonly truncateProgress?: readonly { readonly session: string; readonly afterSequence: number }[];
  /** New, or in the place of the one with the same id. */
  readonly putSessions?: readonly SessionRow[];
  /** The session's present state, one a session, in the place of the former. */
  readonly putHeads?: readonly StateInput[];
  readonly putSnapshots?: readonly SnapshotInput[];
  /** What is absent stays. MISSING when there is no such snapshot. */
  readonly updateSnapshots?: readonly (SnapshotKey & {
    readonly kind?: string;
    readonly pinned?: boolean;
    readonly meta?: unknown;
  })[];
  /** Each begins after the last point of its session. */
  readonly appendProgress?: readonly (ProgressRow & { readonly session: string })[];
  /** Removes the rows that lie wholly before `beforeSequence`. */
  readonly trimProgress?: readonly { readonly session: string; readonly beforeSequence: number }[];
  /** New, or in the place of the one with the same request id. */
  readonly putAnswers?: readonly AnswerRow[];
  readonly putEvents?: readonly EventRow[];
  /** With their finished runs. One that doesn't exist is no error. */
  readonly deleteSweeps?: readonly string[];
  /** The finished runs with numbers below `end`, of sweeps with too many to go at once. */
  readonly deleteSweepRuns?: readonly { readonly sweep: string; readonly end: number }[];
  /** New, or in the place of the one with the same id. */
  readonly putSweeps?: readonly SweepRow[];
  /** New, or in the place of the one of the same sweep and run. */
  readonly putSweepRuns?: readonly SweepRunRow[];
}

export interface CommitResult {
  /** Of the arrays of each put state: of `putHeads`, then of `putSnapshots`, in their order. */
  readonly sha256: readonly Uint8Array[];
}

/** What is wrong where. `session` and `step` as far as the damage leaves them legible. */
export interface Damage {
  /** "file" is not of one row: a page of SQLite's, or a reference between tables. */
  readonly of: "file" | "session" | "head" | "snapshot" | "progress" | "answer" | "event" | "sweep" | "run";
  readonly session?: string;
  readonly step?: number;
  readonly what: string;
}

/** Everything small, for a server's start. Without the rows that are damaged, which `damaged` names. */
export interface Loaded {
  /** By ordinal. */
  readonly sessions: SessionRow[];
  /** By session and step. */
  readonly snapshots: SnapshotRow[];
  /** Unexpired; the oldest first. */
  readonly answers: AnswerRow[];
  readonly damaged: Damage[];
  /** A new store's is "clean". */
  readonly lastEnd: End;
}

export interface Usage {
  readonly fileBytes: number;
  readonly walBytes: number;
  readonly snapshots: number;
  readonly sessions: number;
}
