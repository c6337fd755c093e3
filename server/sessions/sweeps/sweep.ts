import { groupViolations, runCount, specOf } from "../../model/sweep-grid.ts";
import type { AnswerRow, Commit, LoadedSweep, SweepRow, SweepRunRow } from "../../store/store.ts";
import type { Analyst } from "../analyst.ts";
import { GrokboxError } from "../errors.ts";
import { toGrokboxError } from "../keeper.ts";
import type { Registry } from "../registry.ts";
import type { Session } from "../session.ts";
import { Turns } from "../turns.ts";
import { gridOf, type SweepDefinition } from "./definition.ts";
import { Ledger } from "./ledger.ts";
import { Pace } from "./pace.ts";
import { nextState, type SweepState, type SweepTransition } from "./state.ts";
import { endOf, type RunSummary, summarize } from "./summary.ts";

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
}

export interface SweepParts {
  readonly registry: Registry;
  /** For summaries: they must neither wait for what users ask nor hold it up. */
  readonly analyst: Analyst;
  readonly onDefect: (error: unknown) => void;
}

/** The row of the answer that tells of a change, to become durable with it. */
export type AnswerOf = () => AnswerRow | undefined;

/** What ends by itself: room for a session is made by others, and a disk is tidied. */
const passing = ["TOO_MANY_SESSIONS", "OUT_OF_MEMORY", "STORAGE_FULL", "QUEUE_FULL"];
const retryMs = 500;
const runsDeleted = 1_000;

/**
 * Many runs as one job. A few of them train at a time, each as a session of its own that belongs to the sweep; when one ends, its
 * summary becomes durable together with the end of its session. So a crash leaves every run finished, under way at its last commit, or
 * not begun, and the same summaries come of it.
 */
export class Sweep {
  readonly identity: SweepIdentity;
  readonly definition: SweepDefinition;
  readonly ledger: Ledger;
  /** Steps of the curves. */
  readonly grid: readonly number[];
  readonly #parts: SweepParts;
  readonly #active = new Map<number, Session>();
  readonly #taken = new Set<number>();
  readonly #lanes = new Set<Promise<void>>();
  readonly #turns = new Turns();
  readonly #finishing = new Turns();
  readonly #pace = new Pace();
  #state: SweepState;
  #halt = new AbortController();
  #waitsFor = "";
  #waiting = new Set<() => void>();

  constructor(
    identity: SweepIdentity,
    definition: SweepDefinition,
    parts: SweepParts,
    stored?: LoadedSweep & { readonly sessions: readonly Session[] },
  ) {
    this.identity = identity;
    this.definition = definition;
    this.#parts = parts;
    this.grid = gridOf(definition.plan);
    this.ledger = new Ledger(runCount(definition), stored);
    this.#state = (stored?.row.state as SweepState | undefined) ?? "running";
    for (const session of stored?.sessions ?? []) this.#active.set(session.identity.sweep!.run, session);
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

  /** Sessions of runs that are under way, or were when it was paused. */
  get active(): readonly Session[] {
    return [...this.#active.values()];
  }

  /** Why no further run can begin at the moment, for people; empty when all is well. */
  get waitsFor(): string {
    return this.#waitsFor;
  }

  /** Updates made by all runs. */
  get stepsMade(): number {
    return this.ledger.steps + this.active.reduce((sum, { step }) => sum + step, 0);
  }

  /** How it goes; `secondsLeft` is an estimate, by the mean length of the runs that have finished, and absent when nothing is known. */
  progress(): { readonly stepsPerSecond: number; readonly secondsLeft?: number } {
    if (this.#state !== "running") return { stepsPerSecond: 0 };
    this.#pace.look(this.stepsMade);
    const { stepsPerSecond } = this.#pace;
    if (stepsPerSecond === 0) return { stepsPerSecond };
    const { done, runs, steps, counts } = this.ledger;
    const trained = done - counts.invalid - counts.failed;
    const mean = trained === 0 ? this.definition.plan.untilStep : steps / trained;
    const open = runs - done - this.#active.size;
    const left = this.active.reduce((sum, { step }) => sum + Math.max(0, mean - step), open * mean);
    return { stepsPerSecond, secondsLeft: left / stepsPerSecond };
  }

  row(): SweepRow {
    const { ordinal, createTimeMs } = this.identity;
    const body: SweepRecord = { definition: this.definition };
    return { id: this.id, ordinal, createTimeMs, state: this.#state, body };
  }

  /** Goes to work, if that is what it is to do; once it is durable. */
  begin(): void {
    if (this.#state !== "running") return;
    this.#pace.restart(this.stepsMade);
    this.#halt = new AbortController();
    const most = Math.min(this.definition.maxParallel, this.ledger.runs - this.ledger.done);
    for (let i = 0; i < Math.max(1, most); i++) {
      const lane: Promise<void> = this.#work().finally(() => this.#lanes.delete(lane));
      this.#lanes.add(lane);
    }
  }

  /** Stops every run under way where it is, and keeps everything. */
  pause(answerOf: AnswerOf = () => undefined): Promise<void> {
    return this.#turns.take(async () => {
      await this.#go("pause", answerOf);
      await this.#stop();
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
  cancel(answerOf: AnswerOf = () => undefined): Promise<void> {
    return this.#turns.take(async () => {
      await this.#go("cancel", answerOf);
      await this.#stop();
      await this.#drop();
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
    await this.#stop();
    await this.#drop();
    // A few at once: everybody's commits wait behind it.
    for (let end = runsDeleted; end < this.ledger.runs && this.ledger.done > 0; end += runsDeleted)
      await this.#commit({ deleteSweepRuns: [{ sweep: this.id, end }] });
    await this.#commit({ deleteSweeps: [this.id] });
  }

  /** What is left of a cancellation to be done. */
  dropActive(): Promise<void> {
    return this.#turns.take(() => this.#drop());
  }

  /** Lets it begin nothing more. Its runs go on with the next server. */
  halt(): void {
    this.#halt.abort();
    this.wake();
  }

  /** Waits for its work to end; its sessions are shut down by the registry. */
  async shutDown(): Promise<void> {
    this.halt();
    await Promise.all(this.#lanes);
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

  async #go(transition: SweepTransition, answerOf: AnswerOf): Promise<void> {
    const before = this.#state;
    this.#state = nextState(before, transition, this.name);
    const answer = answerOf();
    try {
      await this.#commit({ putSweeps: [this.row()], putAnswers: answer === undefined ? [] : [answer] });
    } catch (error) {
      this.#state = before;
      throw error;
    }
    this.wake();
  }

  /** Lets no lane go on, and waits for them. */
  async #stop(): Promise<void> {
    this.#halt.abort();
    // One may end, and be gone, at this very moment.
    await Promise.all(this.active.map((session) => session.pause().catch(ignoreDeleted)));
    await Promise.all(this.#lanes);
    this.#waitsFor = "";
  }

  async #drop(): Promise<void> {
    for (const [run, session] of [...this.#active]) {
      await this.#parts.registry.delete(session.name);
      this.#active.delete(run);
    }
  }

  /** One run after the other, until none is open or it is to stop. */
  async #work(): Promise<void> {
    const { signal } = this.#halt;
    while (!signal.aborted) {
      const run = this.#next();
      if (run === undefined) return;
      this.#taken.add(run);
      try {
        await this.#do(run, signal).catch((error) => this.#fail(run, error, signal));
        this.#taken.delete(run);
      } catch (error) {
        // It stays taken: it would only go wrong again.
        this.#parts.onDefect(error);
      }
    }
  }

  /** A run that can't go on, as one whose state is damaged, must not keep the others from it. */
  async #fail(run: number, error: unknown, signal: AbortSignal): Promise<void> {
    const { registry, onDefect } = this.#parts;
    // The next server does it.
    if (error instanceof GrokboxError && registry.closing.aborted) return;
    if (!(error instanceof GrokboxError)) onDefect(error);
    const detail = error instanceof GrokboxError ? error.message : "a defect of the server; its log has it";
    const session = this.#active.get(run);
    const summary = { outcome: "failed", detail, step: session?.step ?? 0 } as const;
    await this.#finish(run, summary, signal, new Uint8Array(), session);
  }

  /** Those that were begun go first. */
  #next(): number | undefined {
    const isTaken = (run: number) => this.#taken.has(run);
    return [...this.#active.keys()].find((run) => !isTaken(run)) ?? this.ledger.open(isTaken);
  }

  async #do(run: number, signal: AbortSignal): Promise<void> {
    const session = this.#active.get(run) ?? (await this.#start(run, signal));
    if (session === undefined) return;
    this.#active.set(run, session);
    if (endOf(session) === undefined) {
      if (signal.aborted) return;
      if (!session.isTraining) session.resume({ ...this.definition.plan, since: 1 });
      await session.atRest;
    }
    if (endOf(session) !== undefined) await this.#retire(run, session, signal);
  }

  /** Its session; undefined when it is to stop before, or the run can have none and has ended by that. */
  async #start(run: number, signal: AbortSignal): Promise<Session | undefined> {
    const { registry } = this.#parts;
    const { definition, name } = this;
    const group = Math.floor(run / definition.seeds.length);
    const wrong = definition.skipInvalid ? groupViolations(definition.cells, group) : [];
    if (wrong.length > 0) {
      const detail = wrong.map(({ field, description }) => `${field} ${description}`).join("; ");
      await this.#finish(run, { outcome: "invalid", detail, step: 0 }, signal);
      return undefined;
    }
    const spec = specOf(definition, run);
    const { cells, plan, engine, labels } = definition;
    const { preset } = cells.kind === "list" ? cells.specs[group]! : cells.base;
    const { recordEvery } = plan;
    while (!signal.aborted) {
      try {
        const session = await registry.start({
          ...{ spec, preset, labels, engine, recordEvery },
          sweep: { name, run },
        });
        this.#waitsFor = "";
        return session;
      } catch (error) {
        if (!(error instanceof GrokboxError)) throw error;
        const { reason, message } = error;
        if (reason === "SHUTTING_DOWN") return undefined;
        if (!passing.includes(reason) || (reason === "OUT_OF_MEMORY" && !registry.canHold(spec))) {
          const outcome = reason === "DIVERGED" ? "diverged" : "failed";
          await this.#finish(run, { outcome, detail: message, step: 0 }, signal);
          return undefined;
        }
        await this.#waitOut(message, signal);
      }
    }
    return undefined;
  }

  async #retire(run: number, session: Session, signal: AbortSignal): Promise<void> {
    const { registry, analyst } = this.#parts;
    const { plan, keepSessions } = this.definition;
    const { summary, curve } = await summarize(session, plan, this.grid, analyst, registry.closing);
    const whole = keepSessions ? { ...summary, session: session.name } : summary;
    await this.#finish(run, whole, signal, curve, session);
  }

  /** Makes it durable that a run has ended, with the end of its session; tried until it can be stored or is to stop. */
  async #finish(
    run: number,
    summary: RunSummary,
    signal: AbortSignal,
    curve: Uint8Array = new Uint8Array(),
    session?: Session,
  ): Promise<void> {
    for (;;) {
      try {
        // One after the other: whoever follows by sequence must not miss one, and one of them is the last.
        return await this.#finishing.take(() => this.#commitEnd(run, summary, curve, session));
      } catch (error) {
        if (!(error instanceof GrokboxError) || !passing.includes(error.reason)) throw error;
        await this.#waitOut(error.message, signal);
        if (signal.aborted) return;
      }
    }
  }

  async #commitEnd(
    run: number,
    summary: RunSummary,
    curve: Uint8Array,
    session: Session | undefined,
  ): Promise<void> {
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
      ...(isLast ? { putSweeps: [{ ...this.row(), state: "finished" }] } : {}),
    };
    if (session !== undefined && this.definition.keepSessions) await session.release(unit);
    else {
      const gone = session === undefined ? {} : { deleteSessions: [session.id] };
      await this.#commit({ ...gone, ...unit });
      // The registry tries again to remove what it could not.
      if (session !== undefined) await this.#parts.registry.delete(session.name).catch(() => {});
    }
    this.#active.delete(run);
    ledger.finish(run, outcome, step);
    if (isLast && this.#canFinish) this.#state = "finished";
    this.#waitsFor = "";
    this.#pace.look(this.stepsMade);
    this.wake();
  }

  /** Also while it is being paused. */
  get #canFinish(): boolean {
    return this.#state === "running" || this.#state === "paused";
  }

  async #waitOut(why: string, signal: AbortSignal): Promise<void> {
    this.#waitsFor = why;
    await new Promise<void>((resolve) => {
      const timer = setTimeout(done, retryMs);
      function done() {
        clearTimeout(timer);
        signal.removeEventListener("abort", done);
        resolve();
      }
      if (signal.aborted) done();
      else signal.addEventListener("abort", done);
    });
  }

  async #commit(unit: Commit): Promise<void> {
    try {
      await this.#parts.registry.store.commit(unit);
    } catch (error) {
      throw toGrokboxError(error);
    }
  }
}

function ignoreDeleted(error: unknown): void {
  if (!(error instanceof GrokboxError && error.reason === "SESSION_DELETED")) throw error;
}
