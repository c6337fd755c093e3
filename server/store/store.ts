import { type Alarm, AlarmWatch } from "./alarm.ts";
import { backupFile } from "./backup.ts";
import { compactCommit } from "./compact.ts";
import type { CallName, Calls } from "./protocol.ts";
import type {
  Commit,
  CommitResult,
  Damage,
  EventRow,
  Loaded,
  LoadedSweep,
  ProgressRow,
  StateRow,
  SweepRunPage,
  SweepRuns,
  Usage,
} from "./rows.ts";
import { answerFromRow, sessionFromRow } from "./small-rows.ts";
import { describeState } from "./states.ts";
import { StoreError } from "./store-error.ts";
import { decode } from "./tables.ts";
import { StoreThread } from "./thread.ts";

export type { Alarm } from "./alarm.ts";
export type * from "./rows.ts";
export { StoreError, type StoreErrorKind } from "./store-error.ts";

export interface StoreOptions {
  /** Made if need be, for its owner only. undefined: in memory, gone with `close`. */
  readonly directory: string | undefined;
  /** For people who find the store held: "pid 123 on host, gRPC 127.0.0.1:50051". */
  readonly holder: string;
  /** Of a store in memory; what goes beyond is refused with FULL. @default 2 GiB */
  readonly maxEphemeralBytes?: number;
  /** Is told when the store can't be written, and, with undefined, when it can again. */
  readonly onAlarm?: (alarm: Alarm | undefined) => void;
  /** To be in, with no other store at the time; it outlasts the store. @default one of its own */
  readonly thread?: StoreThread;
}

/** Durable state, in a thread of its own. Every method may fail with a `StoreError`. */
export interface Store extends AsyncDisposable {
  readonly path: string | undefined;
  /** It can't be written, as the last commits have found; undefined when all is well. */
  readonly alarm: Alarm | undefined;
  /** Everything small, for a server's start. No arrays. */
  load(): Promise<Loaded>;
  /**
   * One transaction, all or nothing. Resolves when it is on disk. Typed arrays are copied; those whose buffers are in `transfer` are
   * moved, and gone for the caller.
   */
  commit(unit: Commit, transfer?: readonly ArrayBuffer[]): Promise<CommitResult>;
  /** MISSING when the session has none, CORRUPT with session and step when any byte of it is damaged. */
  readHead(session: string): Promise<StateRow>;
  /** MISSING when there is none, CORRUPT with session and step when any byte of it is damaged. */
  readSnapshot(session: string, step: number): Promise<StateRow>;
  /** In order; CORRUPT with the session when one of them is damaged. */
  readProgress(session: string): Promise<ProgressRow[]>;
  /** In order; CORRUPT with the session when one of them is damaged. */
  readEvents(session: string): Promise<EventRow[]>;
  /** All sweeps by ordinal, with which of their runs have finished, for a server's start. */
  loadSweeps(): Promise<{ readonly sweeps: LoadedSweep[]; readonly damaged: Damage[] }>;
  /** Finished runs of a sweep in the order in which they finished, from `sequence` on, at most `limit` with those that are damaged. */
  readSweepRuns(sweep: string, sequence: number, limit: number): Promise<SweepRunPage>;
  /** Those finished runs of a sweep whose number is `first` to `end` - 1, in that order. */
  readSweepRange(sweep: string, first: number, end: number): Promise<SweepRuns>;
  /**
   * A consistent copy while the store is in use, to a new file, which appears when it is complete and on disk. Every row is verified
   * on the way, so that a backup that exists can be restored; CORRUPT when one is damaged.
   *
   * @param onProgress - of 0 to 1
   */
  backup(file: string, onProgress?: (share: number) => void, signal?: AbortSignal): Promise<void>;
  usage(): Promise<Usage>;
  /**
   * Ends backups, marks how it was left, puts everything into the one file and lets go of the lock. Again: does nothing.
   *
   * @param end - `isWhole`: nothing is missing that there was to be stored, so that it is a clean end. @default it is
   */
  close(end?: { readonly isWhole: boolean }): Promise<void>;
}

/**
 * Opens a store, or makes one where there is none.
 *
 * @throws StoreError HELD, NEWER, CORRUPT, IO, FULL
 */
export async function openStore({
  directory,
  holder,
  maxEphemeralBytes = 2 ** 31,
  onAlarm = () => {},
  thread: given,
}: StoreOptions): Promise<Store> {
  const thread = given ?? new StoreThread();
  const end = async () => {
    if (thread !== given) await thread.end();
  };
  try {
    const path = await thread.call("open", [{ directory, holder, maxEphemeralBytes }]);
    return new ThreadedStore(thread, path, new AlarmWatch(onAlarm), end);
  } catch (error) {
    await end();
    throw error;
  }
}

class ThreadedStore implements Store {
  readonly path: string | undefined;
  readonly #thread: StoreThread;
  readonly #watch: AlarmWatch;
  readonly #end: () => Promise<void>;
  readonly #backups = new Map<Promise<void>, () => void>();
  #closed: Promise<void> | undefined;

  /** @param end - of what there is for it alone */
  constructor(thread: StoreThread, path: string | undefined, watch: AlarmWatch, end: () => Promise<void>) {
    this.#thread = thread;
    this.path = path;
    this.#watch = watch;
    this.#end = end;
  }

  get alarm(): Alarm | undefined {
    return this.#watch.alarm;
  }

  async load(): Promise<Loaded> {
    const { sessions: rows, snapshots, answers, damaged, lastEnd } = await this.#call("load", []);
    const sessions = rows.map(sessionFromRow);
    this.#watch.loaded(sessions);
    // Ten thousand snapshots have a few lists of tensors between them.
    const lists = new Map<string, unknown>();
    const parse = (text: string) => {
      if (!lists.has(text)) lists.set(text, decode(text));
      return lists.get(text);
    };
    return {
      sessions,
      snapshots: snapshots.map((row) => describeState(row, parse)),
      answers: answers.map(answerFromRow),
      damaged,
      lastEnd,
    };
  }

  async commit(unit: Commit, transfer: readonly ArrayBuffer[] = []): Promise<CommitResult> {
    this.#refuseClosed();
    const parcel = compactCommit(unit, transfer);
    try {
      const result = await this.#call("commit", [parcel.unit], parcel.transfer);
      this.#watch.worked(unit);
      return result;
    } catch (error) {
      this.#watch.failed(unit, error as StoreError);
      throw error;
    }
  }

  readHead(session: string): Promise<StateRow> {
    return this.#call("readHead", [session]);
  }

  readSnapshot(session: string, step: number): Promise<StateRow> {
    return this.#call("readSnapshot", [session, step]);
  }

  readProgress(session: string): Promise<ProgressRow[]> {
    return this.#call("readProgress", [session]);
  }

  readEvents(session: string): Promise<EventRow[]> {
    return this.#call("readEvents", [session]);
  }

  loadSweeps(): Promise<{ sweeps: LoadedSweep[]; damaged: Damage[] }> {
    return this.#call("loadSweeps", []);
  }

  readSweepRuns(sweep: string, sequence: number, limit: number): Promise<SweepRunPage> {
    return this.#call("readSweepRuns", [sweep, sequence, limit]);
  }

  readSweepRange(sweep: string, first: number, end: number): Promise<SweepRuns> {
    return this.#call("readSweepRange", [sweep, first, end]);
  }

  async backup(
    file: string,
    onProgress: (share: number) => void = () => {},
    signal?: AbortSignal,
  ): Promise<void> {
    signal?.throwIfAborted();
    this.#refuseClosed();
    const flag = new Int32Array(new SharedArrayBuffer(4));
    const stop = () => Atomics.store(flag, 0, 1);
    const backup =
      this.path === undefined
        ? this.#thread.call("backup", [file, flag], [], onProgress)
        : backupFile({ from: this.path, to: file, stop: flag }, onProgress);
    this.#backups.set(backup, stop);
    signal?.addEventListener("abort", stop);
    try {
      await backup;
    } catch (error) {
      signal?.throwIfAborted();
      throw error;
    } finally {
      signal?.removeEventListener("abort", stop);
      this.#backups.delete(backup);
    }
  }

  usage(): Promise<Usage> {
    return this.#call("usage", []);
  }

  close({ isWhole } = { isWhole: true }): Promise<void> {
    this.#closed ??= this.#close(isWhole);
    return this.#closed;
  }

  async #call<N extends CallName>(
    call: N,
    args: Parameters<Calls[N]>,
    transfer: readonly ArrayBuffer[] = [],
  ): Promise<ReturnType<Calls[N]>> {
    this.#refuseClosed();
    return this.#thread.call(call, args, transfer);
  }

  #refuseClosed(): void {
    if (this.#closed !== undefined) throw new StoreError("CLOSED", "the store is closed");
  }

  async #close(isWhole: boolean): Promise<void> {
    for (const stop of this.#backups.values()) stop();
    await Promise.allSettled(this.#backups.keys());
    try {
      await this.#thread.call("close", [isWhole]);
    } catch (error) {
      // A thread that has ended by a defect holds nothing any more.
      if (!(error instanceof StoreError && error.kind === "CLOSED")) throw error;
    } finally {
      await this.#end();
    }
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }
}
