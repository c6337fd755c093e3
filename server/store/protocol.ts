import type { End } from "./last-end.ts";
import type { LoadedRows } from "./reads.ts";
import type {
  Commit,
  CommitResult,
  Damage,
  EventRow,
  LoadedSweep,
  ProgressRow,
  StateRow,
  SweepRunPage,
  SweepRuns,
  Usage,
} from "./rows.ts";
import type { StoreErrorKind } from "./store-error.ts";

/** What a store is opened with. */
export interface OpenOptions {
  readonly directory: string | undefined;
  readonly holder: string;
  readonly maxEphemeralBytes: number;
}

/** What the thread of a backup is started with. */
export interface BackupOptions {
  readonly from: string;
  readonly to: string;
  /** Int32Array of one: not 0 when the backup is to stop. */
  readonly stop: Int32Array<SharedArrayBuffer>;
}

/** The calls to the thread, with their arguments and results. They are done in order. Between `close` and `open` there is no store. */
export interface Calls {
  open(options: OpenOptions): string | undefined;
  load(): LoadedRows & { readonly lastEnd: End };
  commit(unit: Commit): CommitResult;
  readHead(session: string): StateRow;
  readSnapshot(session: string, step: number): StateRow;
  readProgress(session: string): ProgressRow[];
  readEvents(session: string): EventRow[];
  loadSweeps(): { sweeps: LoadedSweep[]; damaged: Damage[] };
  readSweepRuns(sweep: string, sequence: number, limit: number): SweepRunPage;
  readSweepRange(sweep: string, first: number, end: number): SweepRuns;
  usage(): Usage;
  /** Of a store in memory; one in a file is copied by a thread of its own. */
  backup(to: string, stop: Int32Array<SharedArrayBuffer>): void;
  close(isWhole: boolean): void;
}

export type CallName = keyof Calls;

export interface Request<N extends CallName = CallName> {
  readonly id: number;
  readonly call: N;
  readonly args: Parameters<Calls[N]>;
}

export type Reply =
  | { readonly id: number; readonly result: unknown }
  | { readonly id: number; readonly error: PlainError }
  | { readonly id: number; readonly progress: number };

/** A StoreError on its way from thread to thread. */
export interface PlainError {
  readonly kind: StoreErrorKind;
  readonly message: string;
  readonly session: string | undefined;
  readonly step: number | undefined;
}
