import type { TrainerState } from "../engine/engine.ts";
import {
  type AnswerRow,
  type Commit,
  type SessionRow,
  type StateInput,
  type Store,
  StoreError,
} from "../store/store.ts";
import { GrokboxError } from "./errors.ts";
import type { Head } from "./head.ts";
import type { Observer } from "./observer.ts";
import type { RunPlan } from "./plan.ts";
import type { ProgressLog } from "./progress-log.ts";
import type { Receipt } from "./receipt.ts";
import { arrayShape, arrays } from "./snapshot.ts";

/** A session at one step, as it is to become durable. */
export interface Capture {
  readonly head: Head;
  /** Given away: its memory moves to the store. */
  readonly state: TrainerState;
  /** [p, p] mask of training pairs. */
  readonly train: Uint8Array;
  /** Of a run that had ended by then. */
  readonly endedPlan: RunPlan | undefined;
  /** It is durable. */
  readonly stored: () => void;
  /** Also keep it as a snapshot. */
  readonly snapshot?: {
    readonly kind: string;
    readonly pinned: boolean;
    readonly meta: unknown;
    readonly replace: boolean;
    readonly createTimeMs: number;
  };
}

/** What the keeper needs of its session. */
export interface Kept {
  readonly log: ProgressLog;
  /** Its present state is the one that was committed last. */
  readonly isStored: boolean;
  /**
   * The session with everything that is not bound to a step as it is now, and with `head` for what is.
   *
   * @param capture - that `head` is of; none when it is that of the state committed last
   */
  row(head: Head, capture: Capture | undefined): SessionRow;
}

/** A receipt as it was when a commit was asked for. */
interface Owed {
  readonly receipt: Receipt;
  readonly ended: boolean;
  readonly row: AnswerRow | undefined;
}

/**
 * Makes a session durable. What is bound to a step (weights, measures, counts) becomes so together, with the progress up to it and the
 * answers of the calls that led to it; what is not (labels, what it is asked to do) at any time. Commits of a session go in order.
 */
export class Keeper {
  readonly #store: Store;
  readonly #id: string;
  readonly #kept: Kept;
  /** Of calls under way, and of ended ones whose answer or memo no commit has carried yet. */
  readonly #receipts = new Map<string, { readonly receipt: Receipt; ended: boolean }>();
  #tail: Promise<unknown> = Promise.resolve();
  #committed: Head | undefined;
  /** The stored points after this sequence are of a course that was left, and go with the next commit of a state. */
  #truncateAfter: number | undefined;
  #captures = 0;
  #forgotten = false;
  #commitTimeMs: number;
  #attemptedMs = performance.now();
  #alarm = "";
  #costMs = 0;

  readonly #observer: Observer;

  /** @param committed - what the store has, of a session that it brought back */
  constructor(store: Store, id: string, kept: Kept, observer: Observer, committed?: Head, commitTimeMs = 0) {
    this.#observer = observer;
    this.#store = store;
    this.#id = id;
    this.#kept = kept;
    this.#committed = committed;
    this.#commitTimeMs = commitTimeMs;
  }

  /** What it keeps outlasts the server. */
  get isDurable(): boolean {
    return this.#store.path !== undefined;
  }

  /** The state that a crash would bring back; undefined before the first commit. */
  get committed(): Head | undefined {
    return this.#committed;
  }

  get commitTimeMs(): number {
    return this.#commitTimeMs;
  }

  /** When it was last tried to commit a state, or a commit failed, or it was begun, by `performance.now()`: the day's time may be set back. */
  get attemptedMs(): number {
    return this.#attemptedMs;
  }

  /** Why the last commit failed; empty when it did not. */
  get alarm(): string {
    return this.#alarm;
  }

  /** What the last commit of a state took, milliseconds. */
  get costMs(): number {
    return this.#costMs;
  }

  /** A call works on the session: whatever is committed from now on carries what its repetition must know. */
  attach(receipt: Receipt): void {
    if (receipt.requestId !== "") this.#receipts.set(receipt.requestId, { receipt, ended: false });
  }

  /** The call has ended; what it left to remember goes with the next commit. */
  detach(receipt: Receipt): void {
    const entry = this.#receipts.get(receipt.requestId);
    if (entry === undefined) return;
    entry.ended = true;
    if (receipt.row() === undefined) this.#receipts.delete(receipt.requestId);
  }

  /** There are answers or memos that a crash would forget. */
  get owesAnswers(): boolean {
    return this.#receipts.values().some(({ receipt, ended }) => ended || receipt.response !== undefined);
  }

  /**
   * Fails with STORAGE_FULL when there is no space; then nothing of it is stored, and what it carried goes with the next commit.
   *
   * @param capture - left out: the step-bound part stays as it was committed last
   */
  commit(capture: Capture | undefined, extra: Commit = {}): Promise<void> {
    // What is promised from now on is not in this state any more.
    const rows = this.#owed(capture !== undefined || this.#kept.isStored);
    if (capture !== undefined) this.#captures += 1;
    const result = this.#tail
      .then(() => this.#commit(capture, extra, rows))
      .finally(() => {
        if (capture !== undefined) this.#captures -= 1;
      });
    this.#tail = result.catch(() => {});
    return result;
  }

  /** A state waits to be written, or is being written. */
  get isWriting(): boolean {
    return this.#captures > 0;
  }

  #owed(withState: boolean): readonly Owed[] {
    return [...this.#receipts.values()]
      .filter(({ receipt }) => withState || !receipt.isBoundToState)
      .map((entry) => ({ ...entry, row: entry.receipt.row() }));
  }

  /** The points after `newest` are gone: the next commit of a state tells the store. */
  truncate(newest: number): void {
    this.#truncateAfter = Math.min(newest, this.#truncateAfter ?? newest);
  }

  /** Stores the session between two commits by other means; `work` has what was committed last, and gives what is then. */
  between(work: (committed: Head) => Promise<Head>): Promise<void> {
    const result = this.#tail.then(async () => {
      this.#committed = await work(this.#committed!);
    });
    this.#tail = result.catch(() => {});
    return result;
  }

  /** Resolves when all commits so far have ended. */
  async idle(): Promise<void> {
    await this.#tail;
  }

  async #commit(capture: Capture | undefined, extra: Commit, rows: readonly Owed[]): Promise<void> {
    const head = capture?.head ?? this.#committed;
    if (head === undefined) throw new Error(`${this.#id} has no state yet`);
    if (this.#forgotten) {
      const session = `sessions/${this.#id}`;
      throw new GrokboxError("SESSION_DELETED", `${session} was deleted`, { session });
    }
    const truncateAfter = capture === undefined ? undefined : this.#truncateAfter;
    const began = performance.now();
    const unit: Commit = {
      ...extra,
      putSessions: [this.#kept.row(head, capture), ...(extra.putSessions ?? [])],
      ...(capture === undefined ? {} : this.#stateOf(capture)),
      putAnswers: [...rows.flatMap(({ row }) => row ?? []), ...(extra.putAnswers ?? [])],
    };
    try {
      await this.#store.commit(unit, capture === undefined ? [] : transferable(capture.state));
      this.#alarm = "";
      this.#observer.commit("ok", (performance.now() - began) / 1000);
    } catch (error) {
      this.#observer.commit("failed", (performance.now() - began) / 1000);
      const known = toGrokboxError(error);
      this.#alarm = known instanceof Error ? known.message : String(known);
      throw known;
    } finally {
      if (capture !== undefined) this.#costMs = performance.now() - began;
      if (capture !== undefined || this.#alarm !== "") this.#attemptedMs = performance.now();
    }
    this.#committed = head;
    capture?.stored();
    if (truncateAfter !== undefined && truncateAfter === this.#truncateAfter) this.#truncateAfter = undefined;
    if (capture !== undefined) this.#commitTimeMs = Date.now();
    for (const { receipt, ended, row } of rows) {
      if (ended || (row !== undefined && row.response === receipt.response)) {
        this.#receipts.delete(receipt.requestId);
      }
    }
  }

  /** Removes the session from the store, with the answers and events of its end. */
  forget(putEvents: NonNullable<Commit["putEvents"]>): Promise<void> {
    const result = this.#tail.then(async () => {
      const putAnswers = [...this.#receipts.values()].flatMap(({ receipt }) => receipt.row() ?? []);
      this.#forgotten = true;
      try {
        await this.#store.commit({ deleteSessions: [this.#id], putAnswers, putEvents });
      } catch (error) {
        throw toGrokboxError(error);
      }
    });
    this.#tail = result.catch(() => {});
    return result;
  }

  #stateOf({ head, state, train, snapshot }: Capture): Commit {
    const { log } = this.#kept;
    const input: StateInput = {
      session: this.#id,
      step: head.step,
      meta: snapshot?.meta ?? null,
      arrays: arrays(state).map(({ name, data }) => ({ name, shape: arrayShape(name, head.spec), data })),
      train,
      createTimeMs: snapshot?.createTimeMs ?? Date.now(),
      kind: snapshot?.kind ?? "head",
      pinned: snapshot?.pinned ?? false,
    };
    const stored = Math.min(this.#committed?.newest ?? 0, this.#truncateAfter ?? Number.POSITIVE_INFINITY);
    const first = Math.max(stored + 1, head.oldest);
    const count = head.newest - first + 1;
    return {
      ...(snapshot === undefined
        ? { putHeads: [input] }
        : { putSnapshots: [{ ...input, head: true, replace: snapshot.replace }] }),
      // Also where nothing was cut: whatever else there should be is not of this session's course.
      truncateProgress: [{ session: this.#id, afterSequence: stored }],
      appendProgress:
        count > 0 ? [{ session: this.#id, firstSequence: first, count, data: log.bytes(first, count) }] : [],
      trimProgress: head.oldest > 1 ? [{ session: this.#id, beforeSequence: head.oldest }] : [],
    };
  }
}

function transferable(state: TrainerState): ArrayBuffer[] {
  return arrays(state).map(({ data }) => data.buffer as ArrayBuffer);
}

/** The store's errors in the words of the domain; others as they are. */
export function toGrokboxError(error: unknown): unknown {
  if (!(error instanceof StoreError)) return error;
  const { kind, message, session, step } = error;
  if (kind === "FULL" || kind === "IO") {
    return new GrokboxError("STORAGE_FULL", `could not be stored, and nothing was changed: ${message}`, {
      detail: message,
    });
  }
  if (kind === "MISSING" && session !== undefined && step !== undefined) {
    const snapshot = `sessions/${session}/snapshots/${step}`;
    return new GrokboxError("SNAPSHOT_NOT_FOUND", `${snapshot} does not exist any more`, { snapshot });
  }
  if (kind !== "CORRUPT") return error;
  const name = session === undefined ? "" : `sessions/${session}`;
  return new GrokboxError("SNAPSHOT_CORRUPT", message, { session: name, step: step ?? "" });
}
