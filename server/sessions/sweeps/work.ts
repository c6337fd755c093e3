import type { Spec } from "../../model/spec.ts";
import { specOf } from "../../model/sweep-grid.ts";
import type { Analyst } from "../analyst.ts";
import { GrokboxError, isWithoutDevice, type Reason } from "../errors.ts";
import type { Placement } from "../placement.ts";
import type { Registry } from "../registry.ts";
import type { Session } from "../session.ts";
import { cellViolations } from "./cell-violations.ts";
import type { SweepDefinition } from "./definition.ts";
import type { Ledger } from "./ledger.ts";
import { endOf, type RunEnd, type RunSummary, summarize } from "./summary.ts";

/** A run that has ended, and its session where it had one. */
export interface EndedRun {
  readonly run: number;
  readonly summary: RunSummary;
  readonly curve: Uint8Array;
  readonly session: Session | undefined;
}

export interface WorkParts {
  /** sweeps/{id} */
  readonly name: string;
  readonly definition: SweepDefinition;
  readonly ledger: Ledger;
  /** Steps of the curves. */
  readonly grid: readonly number[];
  readonly registry: Registry;
  /** For summaries: they must neither wait for what users ask nor hold it up. */
  readonly analyst: Analyst;
  readonly onDefect: (error: unknown) => void;
  /** Makes it durable that a run has ended, with the end of its session, and writes it down in the ledger. */
  commitEnd(ended: EndedRun): Promise<void>;
}

/** What ends by itself whatever the network: room for a session is made by others, and a disk is tidied. */
const passing: readonly Reason[] = ["TOO_MANY_SESSIONS", "STORAGE_FULL", "QUEUE_FULL"];
const retryMs = 500;

/** The work of a sweep: a few lanes, each of which does one run after the other, from a session's start to its summary. */
export class Work {
  readonly #parts: WorkParts;
  /** Sessions of runs that are under way, or were when it was stopped. */
  readonly #active: Map<number, Session>;
  /** By group. */
  readonly #placements = new Map<number, Placement>();
  readonly #taken = new Set<number>();
  readonly #lanes = new Set<Promise<void>>();
  #halt = new AbortController();
  #waitsFor = "";

  constructor(parts: WorkParts, sessions: readonly Session[]) {
    this.#parts = parts;
    this.#active = new Map(sessions.map((session) => [session.identity.sweep!.run, session]));
  }

  get active(): readonly Session[] {
    return [...this.#active.values()];
  }

  /** Why no further run can begin at the moment, for people; empty when all is well. */
  get waitsFor(): string {
    return this.#waitsFor;
  }

  /** When none is under way. */
  begin(): void {
    const { definition, ledger } = this.#parts;
    this.#halt = new AbortController();
    const most = Math.min(definition.maxParallel, ledger.runs - ledger.done);
    for (let i = 0; i < most; i++) {
      const lane: Promise<void> = this.#work().finally(() => this.#lanes.delete(lane));
      this.#lanes.add(lane);
    }
  }

  /** Lets no lane go on; sessions do until they are stopped or shut down. */
  halt(): void {
    this.#halt.abort();
  }

  /** Resolves when all lanes have ended. */
  async atRest(): Promise<void> {
    await Promise.all(this.#lanes);
  }

  /** Stops every run where it is, and waits for that. */
  async stop(): Promise<void> {
    this.halt();
    // One may end, and be gone, at this very moment.
    await Promise.all(this.active.map((session) => session.pause().catch(ignoreDeleted)));
    await this.atRest();
    this.#waitsFor = "";
  }

  /** Forgets the runs that were stopped, with their sessions: what can't be removed from the store the registry tries again. */
  async drop(): Promise<void> {
    for (const [run, session] of [...this.#active]) {
      await this.#parts.registry.delete(session.name).catch((error) => {
        const isGone =
          error instanceof GrokboxError && ["STORAGE_FULL", "SESSION_NOT_FOUND"].includes(error.reason);
        if (!isGone) throw error;
      });
      this.#active.delete(run);
    }
  }

  /** Its run has ended, and is in the ledger. */
  leave(run: number): void {
    this.#active.delete(run);
  }

  /** One run after the other, until none is open or it is to stop. */
  async #work(): Promise<void> {
    const { signal } = this.#halt;
    // While the server ends no run can begin, and the next one would be the same again.
    while (!signal.aborted && !this.#parts.registry.closing.aborted) {
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
    return [...this.#active.keys()].find((run) => !isTaken(run)) ?? this.#parts.ledger.open(isTaken);
  }

  async #do(run: number, signal: AbortSignal): Promise<void> {
    const session = this.#active.get(run) ?? (await this.#start(run, signal));
    if (session === undefined) return;
    this.#active.set(run, session);
    const isPassing = (cause: Reason) => this.#isPassing(cause, session.spec);
    for (let isFirst = true; ; isFirst = false) {
      const end = endOf(session, isPassing);
      if (end !== undefined) {
        this.#waitsFor = "";
        return this.#retire(run, session, end, signal);
      }
      // It was stopped for another reason than one that passes: whoever stopped it goes on with it.
      const cause = session.stopReason?.cause;
      if (!isFirst && !(cause !== undefined && isPassing(cause))) return;
      if (!isFirst) await this.#waitOut(session.stopReason!.detail, signal);
      if (signal.aborted) return;
      if (!session.isTraining) session.resume({ ...this.#parts.definition.plan, since: 1 });
      await session.atRest;
    }
  }

  /** A network goes on once there is a device, or others have given back the memory that it needs. */
  #isPassing(reason: Reason, spec: Spec): boolean {
    const { registry, definition } = this.#parts;
    return (
      isWithoutDevice(reason) || (reason === "OUT_OF_MEMORY" && registry.canHold(spec, definition.engine))
    );
  }

  /** Its session; undefined when it is to stop before, or the run can have none and has ended by that. */
  async #start(run: number, signal: AbortSignal): Promise<Session | undefined> {
    const { registry, definition, name } = this.#parts;
    const group = Math.floor(run / definition.seeds.length);
    const wrong = cellViolations(definition, group);
    if (wrong.length > 0) {
      const detail = wrong.map(({ field, description }) => `${snakeCase(field)} ${description}`).join("; ");
      await this.#finish(run, { outcome: "invalid", detail, step: 0 }, signal);
      return undefined;
    }
    const spec = specOf(definition, run);
    const { cells, plan, labels, engine } = definition;
    const { preset } = cells.kind === "list" ? cells.specs[group]! : cells.base;
    const { recordEvery } = plan;
    while (!signal.aborted) {
      try {
        const session = await registry.start({
          ...{ spec, preset, labels, engine, recordEvery, placement: this.#placement(group, spec) },
          sweep: { name, run },
        });
        this.#waitsFor = "";
        return session;
      } catch (error) {
        if (!(error instanceof GrokboxError)) throw error;
        const { reason, message } = error;
        if (reason === "SHUTTING_DOWN") return undefined;
        if (!passing.includes(reason) && !this.#isPassing(reason, spec)) {
          const outcome = reason === "DIVERGED" ? "diverged" : "failed";
          await this.#finish(run, { outcome, detail: message, step: 0 }, signal);
          return undefined;
        }
        await this.#waitOut(message, signal);
      }
    }
    return undefined;
  }

  /** One for all seeds of a cell: the fastest for its network beside as many runs as the sweep has under way. */
  #placement(group: number, spec: Spec): Placement {
    const { registry, definition } = this.#parts;
    const { engine, maxParallel, seeds } = definition;
    let placement = this.#placements.get(group);
    if (placement === undefined) {
      const begun = [...this.#active].find(([run]) => Math.floor(run / seeds.length) === group)?.[1];
      placement =
        begun === undefined
          ? registry.place(engine, spec, () => maxParallel - 1)
          : { engine: begun.training.engine, reason: begun.engine.reason };
      this.#placements.set(group, placement);
    }
    return placement;
  }

  async #retire(run: number, session: Session, end: RunEnd, signal: AbortSignal): Promise<void> {
    const { registry, analyst, definition, grid } = this.#parts;
    const { plan } = definition;
    const summarized = await this.#patiently(session.spec, signal, () =>
      summarize(session, end, plan, grid, analyst, registry.closing),
    );
    if (summarized === undefined) return;
    const { summary, curve } = summarized;
    await this.#finish(run, summary, signal, curve, session);
  }

  /** Makes it durable that a run has ended, with the end of its session; tried until it can be stored or is to stop. */
  async #finish(
    run: number,
    found: Omit<RunSummary, "session">,
    signal: AbortSignal,
    curve: Uint8Array = new Uint8Array(),
    session?: Session,
  ): Promise<void> {
    const isKept = session !== undefined && this.#parts.definition.keepSessions;
    const summary: RunSummary = isKept ? { ...found, session: session.name } : found;
    for (;;) {
      try {
        await this.#parts.commitEnd({ run, summary, curve, session });
        this.#waitsFor = "";
        return;
      } catch (error) {
        if (!(error instanceof GrokboxError) || !passing.includes(error.reason)) throw error;
        await this.#waitOut(error.message, signal);
        if (signal.aborted) return;
      }
    }
  }

  /** Does what needs a device, and memory, once there is some; undefined when it is to stop before. */
  async #patiently<T>(spec: Spec, signal: AbortSignal, work: () => Promise<T>): Promise<T | undefined> {
    while (!signal.aborted) {
      try {
        return await work();
      } catch (error) {
        if (!(error instanceof GrokboxError) || !this.#isPassing(error.reason, spec)) throw error;
        await this.#waitOut(error.message, signal);
      }
    }
    return undefined;
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
}

/** Of a path in a spec, as people write it. */
const snakeCase = (path: string) => path.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);

function ignoreDeleted(error: unknown): void {
  if (!(error instanceof GrokboxError && error.reason === "SESSION_DELETED")) throw error;
}
