import { runCount } from "../../model/sweep-grid.ts";
import type { AnswerRow, Commit, LoadedSweep, SweepRow, SweepRunRow } from "../../store/store.ts";
import type { Analyst } from "../analyst.ts";
import { toGrokboxError } from "../keeper.ts";
import type { Registry } from "../registry.ts";
import type { Session } from "../session.ts";
import { Turns } from "../turns.ts";
import { type InvalidCells, noInvalidCells } from "./cell-violations.ts";
import { gridOf, type SweepDefinition } from "./definition.ts";
import { Ledger } from "./ledger.ts";
import { Pace } from "./pace.ts";
import { nextState, type SweepState, type SweepTransition } from "./state.ts";
import { type EndedRun, Work } from "./work.ts";

export interface SweepIdentity {
  /** sweeps/{id} */
  readonly name: string;
  /** Greater than that of every sweep started before. */
  readonly ordinal: number;
  readonly createTimeMs: number;
}

/** The body of a sweep's row in the store. */
export interface SweepRecord {
  readonly definition: SweepDefinition;
  /** @default none */
  readonly invalid?: InvalidCells;
}

export interface SweepParts {
  readonly registry: Registry;
  /** For summaries: they must neither wait for what users ask nor hold it up. */
  readonly analyst: Analyst;
  readonly onDefect: (error: unknown) => void;
}

/** The row of the answer that tells of a change to a state, to become durable with it. */
export type AnswerOf = (state: SweepState) => AnswerRow | undefined;

/** Is done before anybody else changes the sweep. */
type AtRest = () => Promise<void>;

const nothing: AtRest = async () => {};

/** Of a large sweep, at once. */
const runsDeleted = 1_000;

/**
 * Many runs as one job. A few of them train at a time, each as a session of its own that belongs to the sweep; when one ends, its
 * summary becomes durable together with the end of its session. So a crash leaves every run finished, under way at its last commit, or
 * not begun, and the same summaries come of it.
 */
export class Sweep {
  readonly identity: SweepIdentity;
  readonly definition: SweepDefinition;
  readonly invalid: InvalidCells;
  readonly ledger: Ledger;
  /** Steps of the curves. */
  readonly grid: readonly number[];
  readonly #parts: SweepParts;
  readonly #work: Work;
  readonly #turns = new Turns();
  /** One after the other: whoever follows by sequence must not miss a run, one run is the last, and no change of state comes between. */
  readonly #commits = new Turns();
  readonly #pace = new Pace();
  #state: SweepState;
  /** What a cancellation leaves to be done has been done, or given up. */
  #isDropped: boolean;
  #waiting = new Set<() => void>();

  constructor(
    identity: SweepIdentity,
    { definition, invalid = noInvalidCells }: SweepRecord,
    parts: SweepParts,
    stored?: LoadedSweep & { readonly sessions: readonly Session[] },
  ) {
    this.identity = identity;
    this.definition = definition;
    this.invalid = invalid;
    this.#parts = parts;
    this.grid = gridOf(definition.plan);
    this.ledger = new Ledger(runCount(definition), stored);
    this.#state = (stored?.row.state as SweepState | undefined) ?? "running";
    // Nothing works on what is loaded.
    this.#isDropped = this.#state === "cancelled";
    const { grid, ledger } = this;
    this.#work = new Work(
      {
        ...{ name: identity.name, definition, ledger, grid, ...parts },
        commitEnd: (ended) => this.#commits.take(() => this.#commitEnd(ended)),
      },
      stored?.sessions ?? [],
    );
  }

  get name(): string {
    return this.identity.name;
  }

  /** Its name without sweeps/. */
  get id(): string {
    return this.name.slice("sweeps/".length);
  }

  get state(): SweepState {
    return this.#state;
  }

  /** How it ended, once nothing more follows: when it is cancelled, runs that are being summarized still finish. */
  get end(): "finished" | "cancelled" | "deleted" | undefined {
    if (this.#state === "finished" || this.#state === "deleted") return this.#state;
    return this.#state === "cancelled" && this.#isDropped ? "cancelled" : undefined;
  }

  /** Sessions of runs that are under way, or were when it was paused. */
  get active(): readonly Session[] {
    return this.#work.active;
  }

  /** Why no further run can begin at the moment, for people; empty when all is well. */
  get waitsFor(): string {
    return this.#work.waitsFor;
  }

  /** Updates made by all runs. */
  get stepsMade(): number {
    return this.ledger.steps + this.active.reduce((sum, { step }) => sum + step, 0);
  }

  /**
   * How it goes; `secondsLeft` is an estimate, by the mean length of the runs that have finished, and absent when nothing is known.
   *
   * @param state - what it is about to be @default what it is
   */
  progress(state = this.#state): { readonly stepsPerSecond: number; readonly secondsLeft?: number } {
    if (state !== "running") return { stepsPerSecond: 0 };
    this.#pace.look(this.stepsMade);
    const { stepsPerSecond } = this.#pace;
    if (stepsPerSecond === 0) return { stepsPerSecond };
    const { done, runs, steps, counts } = this.ledger;
    const trained = done - counts.invalid - counts.failed;
    const mean = trained === 0 ? this.definition.plan.untilStep : steps / trained;
    const invalid = this.invalid.groups * this.definition.seeds.length - counts.invalid;
    const open = runs - done - this.active.length - invalid;
    const left = this.active.reduce((sum, { step }) => sum + Math.max(0, mean - step), open * mean);
    return { stepsPerSecond, secondsLeft: left / stepsPerSecond };
  }

  row(state = this.#state): SweepRow {
    const { ordinal, createTimeMs } = this.identity;
    const { definition, invalid } = this;
    const body: SweepRecord = { definition, ...(invalid.groups > 0 ? { invalid } : {}) };
    return { id: this.id, ordinal, createTimeMs, state, body };
  }

  /** Goes to work, if that is what it is to do; once it is durable. While the server ends, the next one does. */
  begin(): void {
    if (this.#state !== "running" || this.#parts.registry.closing.aborted) return;
    this.#pace.restart(this.stepsMade);
    this.#work.begin();
    // With nothing left to do, as of a store that was put together by hand, no run will be the last.
    if (this.ledger.isComplete) this.#go("finish", () => undefined).catch(this.#parts.onDefect);
  }

  /** Stops every run under way where it is, and keeps everything. */
  pause(answerOf: AnswerOf = () => undefined, atRest = nothing): Promise<void> {
    return this.#turns.take(async () => {
      await this.#go("pause", answerOf);
      await this.#work.stop();
      await atRest();
    });
  }

  resume(answerOf: AnswerOf = () => undefined): Promise<void> {
    return this.#turns.take(async () => {
      const before = this.#state;
      await this.#go("resume", answerOf);
      if (before === "paused") this.begin();
    });
  }

  /** Stops for good. What has finished stays, what was under way is dropped. */
  cancel(answerOf: AnswerOf = () => undefined, atRest = nothing): Promise<void> {
    return this.#turns.take(async () => {
      await this.#go("cancel", answerOf);
      try {
        await this.#work.stop();
        await this.#work.drop();
      } finally {
        // Also where that failed: nobody would ever be told of the end.
        this.#isDropped = true;
        this.wake();
      }
      await atRest();
    });
  }

  /** Stops and forgets everything but the sessions that were to stay. */
  delete(answerOf: AnswerOf = () => undefined): Promise<void> {
    return this.#turns.take(async () => {
      await this.#go("delete", answerOf);
      await this.forget();
    });
  }

  /** What is left of a deletion to be done. */
  async forget(): Promise<void> {
    await this.#work.stop();
    await this.#work.drop();
    // A few at once: everybody's commits wait behind it.
    for (let end = runsDeleted; end < this.ledger.runs && this.ledger.done > 0; end += runsDeleted)
      await this.#commit({ deleteSweepRuns: [{ sweep: this.id, end }] });
    await this.#commit({ deleteSweeps: [this.id] });
  }

  /** What is left of a cancellation to be done. */
  dropActive(): Promise<void> {
    return this.#turns.take(() => this.#work.drop());
  }

  /** Lets it begin nothing more. Its runs go on with the next server. */
  halt(): void {
    this.#work.halt();
    this.wake();
  }

  /** Waits for its work to end; its sessions are shut down by the registry. */
  async shutDown(): Promise<void> {
    this.halt();
    await this.#work.atRest();
  }

  /** Resolves when something may have changed, after `timeoutMs`, or when `signal` aborts. */
  changed(timeoutMs: number, signal: AbortSignal): Promise<void> {
    return new Promise((resolve) => {
      if (signal.aborted) return resolve();
      const finish = () => {
        clearTimeout(timer);
        this.#waiting.delete(finish);
        signal.removeEventListener("abort", finish);
        resolve();
      };
      const timer = setTimeout(finish, timeoutMs);
      this.#waiting.add(finish);
      signal.addEventListener("abort", finish);
    });
  }

  wake(): void {
    for (const woken of [...this.#waiting]) woken();
  }

  #go(transition: SweepTransition, answerOf: AnswerOf): Promise<void> {
    return this.#commits.take(() => this.#change(transition, answerOf));
  }

  async #change(transition: SweepTransition, answerOf: AnswerOf): Promise<void> {
    const after = nextState(this.#state, transition, this.name);
    const answer = answerOf(after);
    await this.#commit({ putSweeps: [this.row(after)], putAnswers: answer === undefined ? [] : [answer] });
    // Not before it is durable: watchers would be told of an end that may not come.
    this.#state = after;
    this.wake();
  }

  async #commitEnd({ run, summary, curve, session }: EndedRun): Promise<void> {
    const { ledger } = this;
    const { outcome, step } = summary;
    const row: SweepRunRow = {
      ...{ sweep: this.id, run, sequence: ledger.nextSequence(), outcome, steps: step, curve },
      finishTimeMs: Date.now(),
      body: summary,
    };
    const isLast = ledger.done + 1 === ledger.runs && this.#canFinish;
    const unit: Commit = {
      putSweepRuns: [row],
      ...(isLast ? { putSweeps: [this.row("finished")] } : {}),
    };
    if (session !== undefined && this.definition.keepSessions) await session.release(unit);
    else {
      const gone = session === undefined ? {} : { deleteSessions: [session.id] };
      await this.#commit({ ...gone, ...unit });
      // The registry tries again to remove what it could not.
      if (session !== undefined) await this.#parts.registry.delete(session.name).catch(() => {});
    }
    this.#work.leave(run);
    ledger.finish(run, outcome, step);
    if (isLast) this.#state = "finished";
    this.#pace.look(this.stepsMade);
    this.wake();
  }

  /** Also while it is being paused. */
  get #canFinish(): boolean {
    return this.#state === "running" || this.#state === "paused";
  }

  async #commit(unit: Commit): Promise<void> {
    try {
      await this.#parts.registry.store.commit(unit);
    } catch (error) {
      throw toGrokboxError(error);
    }
  }
}
