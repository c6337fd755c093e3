import { randomBytes } from "node:crypto";
import type { Engine, Network } from "../engine/engine.ts";
import type { Spec } from "../model/spec.ts";
import type { Commit, Damage, Store } from "../store/store.ts";
import { Analyst } from "./analyst.ts";
import { Answers } from "./answers.ts";
import { applyChanges, type Changes, changesViolations } from "./changes.ts";
import { Checkpointer } from "./checkpointer.ts";
import { type AbsentEngine, type EngineSet, Engines, type OfferedEngine } from "./engines.ts";
import { GrokboxError, invalid } from "./errors.ts";
import { toGrokboxError } from "./keeper.ts";
import { LentSnapshots } from "./lent-snapshots.ts";
import type { Limits } from "./limits.ts";
import { type MeasureSchedule, neverMeasured } from "./measure-schedule.ts";
import { MemoryBudget } from "./memory-budget.ts";
import { type Observer, unobserved } from "./observer.ts";
import type { Placement } from "./placement.ts";
import type { RunPlan } from "./plan.ts";
import { Receipt } from "./receipt.ts";
import { ResidentMemory } from "./resident-memory.ts";
import type { SnapshotSchedule } from "./schedule.ts";
import type { Urgency } from "./scheduler.ts";
import type { Beginning, Forking, Session } from "./session.ts";
import { type Origination, type Restored, SessionMaker } from "./session-maker.ts";
import type { SessionIdentity } from "./session-record.ts";
import type { Answering } from "./snapshot-keeping.ts";
import type { SessionState } from "./state.ts";
import { Uploads } from "./uploads.ts";
import type { ForkAction, Pulled } from "./waypoints.ts";

export interface StartInput extends Origination {
  readonly preset: string;
  readonly labels: Readonly<Record<string, string>>;
  /** A name of an offered engine, or `auto`. */
  readonly engine: string;
  /** Chosen already, whatever `engine` says. */
  readonly placement?: Placement;
  readonly recordEvery: number;
  readonly schedule?: SnapshotSchedule;
  /** @default none */
  readonly measures?: MeasureSchedule;
  /** It is made for this run of a sweep, and belongs to it. */
  readonly sweep?: SessionIdentity["sweep"];
}

export interface ForkInput {
  readonly changes: Changes;
  readonly labels: Readonly<Record<string, string>>;
  /** Empty: the source's. */
  readonly engine: string;
  /** @default the source's */
  readonly recordEvery?: number;
  readonly schedule?: SnapshotSchedule;
  /** @default the source's, but for those that the fork can't have */
  readonly measures?: MeasureSchedule;
  /** A run that it is to begin with. */
  readonly plan?: RunPlan;
  /** Of the source: the trigger whose action it is. */
  readonly pulled?: Pulled;
}

export interface SessionFilter {
  readonly states: readonly SessionState[];
  readonly labels: Readonly<Record<string, string>>;
  /** The sweep that they were made for; left out: those that were made for none. */
  readonly sweep?: string;
}

/** Of a filter: whatever sweep a session was made for. */
export const anySweep = "sweeps/-";

export interface RegistryParts {
  readonly engines: EngineSet;
  readonly limits: Limits;
  readonly store: Store;
  readonly observer?: Observer;
  readonly onDefect: (error: unknown) => void;
  /** Milliseconds between checkpoints of a session that trains. */
  readonly checkpointEveryMs: number;
}

/** All sessions of this box, and what they share. */
export class Registry {
  readonly limits: Limits;
  readonly memory: MemoryBudget;
  readonly uploads: Uploads;
  readonly lent: LentSnapshots;
  readonly answers = new Answers();
  readonly analyst = new Analyst();
  readonly store: Store;
  readonly checkpointEveryMs: number;
  readonly #onDefect: (error: unknown) => void;
  readonly #engines: Engines;
  readonly #sessions = new Map<string, Session>();
  readonly #checkpointer: Checkpointer;
  readonly #undeleted = new Set<Session>();
  readonly #starting = new Set<Promise<unknown>>();
  readonly #resident: ResidentMemory;
  readonly #maker: SessionMaker;
  #started = 0;
  readonly #closing = new AbortController();

  constructor({ engines, limits, store, observer = unobserved, onDefect, checkpointEveryMs }: RegistryParts) {
    this.#engines = new Engines(engines, observer);
    this.limits = limits;
    this.store = store;
    this.checkpointEveryMs = checkpointEveryMs;
    this.memory = new MemoryBudget(limits.maxStateBytes);
    this.uploads = new Uploads(this.memory);
    this.#resident = new ResidentMemory({
      host: this.memory,
      engines: this.#engines,
      retainedProgressPoints: limits.retainedProgressPoints,
      sessions: () => this.#sessions.values(),
    });
    this.lent = new LentSnapshots({
      reserve: (bytes, what) => this.#resident.reserveBeside(bytes, what),
      release: (bytes) => this.memory.release(bytes),
    });
    this.#onDefect = onDefect;
    this.#maker = new SessionMaker({
      engines: this.#engines,
      analyst: this.analyst,
      memory: this.#resident,
      readSnapshot: (session, step) => this.get(session).readSnapshot(step),
      fork: (...action) => this.#forkFor(...action),
      ...{ limits, store, observer, onDefect },
    });
    this.#checkpointer = new Checkpointer(
      () => this.#sessions.values(),
      checkpointEveryMs,
      onDefect,
      () => this.#forgetDeleted(),
    );
  }

  /**
   * Brings back what the store has. Sessions sleep until they are used; runs that were under way go on if `resume` says so.
   *
   * @returns what is damaged and was left out, for the log
   */
  async restore({ resume }: { readonly resume: boolean }): Promise<readonly Damage[]> {
    const { sessions, snapshots, answers, damaged, lastEnd } = await this.store.load();
    this.answers.restore(answers.map((row) => Receipt.of(row)));
    const bySession = Map.groupBy(snapshots, ({ session }) => session);
    const forks = Map.groupBy(sessions, ({ parent }) => parent && `${parent.session} ${parent.step}`);
    const restored: Restored[] = [];
    for (const row of sessions) {
      if (row.state === "deleted") continue;
      const forksAt = (step: number) => forks.get(`${row.id} ${step}`)?.length ?? 0;
      const one = this.#maker.restore(row, bySession.get(row.id) ?? [], forksAt, { lastEnd, resume });
      const { name, ordinal } = one.session.identity;
      this.#sessions.set(name, one.session);
      this.#started = Math.max(this.#started, ordinal);
      restored.push(one);
    }
    for (const { session, interrupted } of restored) {
      if (interrupted !== undefined) session.resume(interrupted);
      else session.catchUp().catch(this.#onDefect);
    }
    const renewed = restored.filter(({ isRenewed }) => isRenewed).map(({ session }) => session);
    // A full disk is no reason not to start.
    const tolerate = (error: unknown) => {
      if (!(toGrokboxError(error) instanceof GrokboxError)) this.#onDefect(error);
    };
    // At once and together, since those that nobody uses must not go back to their old epochs at a later, clean start. Also where there are
    // none: from now on somebody may see what is not stored, so that an end without a word is a crash.
    const putSessions = renewed.map((session) => session.row(session.keeper.committed!, undefined));
    if (restored.length > 0)
      await this.store.commit({ putSessions }).catch(async (error) => {
        tolerate(error);
        // Each is tried again by itself, and none is known by an epoch that a crash could bring back.
        await Promise.all(restored.map(({ session }) => session.renewEpoch().catch(tolerate)));
      });
    // The server ended before its deletion was done.
    for (const { id, state } of sessions)
      if (state === "deleted") await this.store.commit({ deleteSessions: [id] }).catch(tolerate);
    return damaged;
  }

  /**
   * Makes a session, records its first progress point, and keeps both. Where the engine is the server's choice, one that has lost its
   * device is passed over.
   */
  async start(input: StartInput, answering: Answering<Session> = () => {}): Promise<Session> {
    if (input.placement !== undefined) return this.#start(input, input.placement, answering);
    const isChoice = input.engine === "" || input.engine === "auto";
    const lost: Engine[] = [];
    for (;;) {
      const placement = this.place(input.engine, input.spec, undefined, lost);
      try {
        return await this.#start(input, placement, answering);
      } catch (error) {
        if (!isChoice || !(error instanceof GrokboxError) || error.reason !== "DEVICE_LOST") throw error;
        lost.push(placement.engine);
        if (lost.length === this.engines.length) throw error;
      }
    }
  }

  #start(input: StartInput, { engine, reason }: Placement, answering: Answering<Session>): Promise<Session> {
    const { preset, recordEvery, labels } = input;
    return this.#add(
      input,
      {
        engine,
        identity: {
          preset,
          engine: engine.name,
          engineReason: reason,
          recordEvery,
          ...(input.sweep === undefined ? {} : { sweep: input.sweep }),
        },
        beginning: {
          intent: {
            labels,
            schedule: input.schedule,
            ...(input.sweep === undefined ? {} : { isOwned: true as const }),
          },
        },
        measures: input.measures ?? [],
        eventBody: { preset },
      },
      answering,
    );
  }

  /** Makes a session from a snapshot of another one, with changes. */
  async fork(
    source: Session,
    step: number,
    input: ForkInput,
    answering: Answering<Session> = () => {},
  ): Promise<Session> {
    this.checkOpen();
    const forking = await source.forking(step, input.pulled);
    try {
      return await this.#fork(source, forking, input, answering);
    } finally {
      forking.release();
    }
  }

  async #fork(
    source: Session,
    forking: Forking,
    input: ForkInput,
    answering: Answering<Session>,
  ): Promise<Session> {
    const { snapshot } = forking;
    const { step } = snapshot.info;
    const { changes, labels } = input;
    const violations = changesViolations(snapshot.spec, changes);
    if (violations.length > 0) {
      throw invalid(violations.map(({ field, description }) => ({ field: `changes.${field}`, description })));
    }
    const { spec, state, train } = await applyChanges(snapshot, changes, this.analyst);
    const { engine, reason } = input.engine === "" ? this.#inherited(source) : this.place(input.engine, spec);
    const { preset } = snapshot.info;
    const recordEvery = input.recordEvery ?? source.identity.recordEvery;
    const parent = { session: source.id, step, changes };
    const measures =
      input.measures ?? source.measures.filter(({ measure }) => neverMeasured(measure, spec) === undefined);
    return this.#add(
      { spec, state, ...(train === undefined ? {} : { train }) },
      {
        engine,
        identity: { preset, engine: engine.name, engineReason: reason, recordEvery, parent },
        beginning: { intent: { labels, schedule: input.schedule, ...(input.plan && { plan: input.plan }) } },
        measures,
        eventBody: parent,
        forking,
      },
      answering,
    );
  }

  get(name: string): Session {
    const session = this.#sessions.get(name);
    if (session !== undefined) return session;
    throw new GrokboxError("SESSION_NOT_FOUND", `${name} does not exist`, { session: name });
  }

  /** Matching sessions, newest first, those older than the one with ordinal `before`. */
  *list({ states, labels, sweep }: SessionFilter, before: number): Generator<Session> {
    // They come in the order in which their starts ended.
    for (const session of [...this.#sessions.values()].sort(newestFirst)) {
      if (session.identity.ordinal >= before) continue;
      const inState = states.length === 0 || states.includes(session.state);
      const labelled = Object.entries(labels).every(([key, value]) => session.labels[key] === value);
      if (inState && labelled && isOf(session, sweep)) yield session;
    }
  }

  async delete(name: string, answering: () => void = () => {}): Promise<void> {
    const session = this.get(name);
    this.#sessions.delete(name);
    try {
      await session.delete(answering);
    } catch (error) {
      this.#undeleted.add(session);
      throw error;
    }
  }

  /** What is deleted here, and could not be removed from the store, is tried again. */
  #forgetDeleted(): void {
    for (const session of this.#undeleted) {
      this.#undeleted.delete(session);
      session.forget().catch(() => this.#undeleted.add(session));
    }
  }

  /** What a session of this spec needs while it is resident fits into the memory that there is, were it empty. */
  canHold(spec: Spec, engine = ""): boolean {
    const isAny = engine === "" || engine === "auto";
    return this.engines.some((one) => (isAny || one.engine.name === engine) && this.#holds(one.engine, spec));
  }

  #holds(engine: Engine, spec: Spec): boolean {
    return this.#resident.holds({ engine, spec, measures: [], hasExtras: false });
  }

  /** The preferred engine first. */
  get engines(): readonly OfferedEngine[] {
    return this.#engines.offered;
  }

  /** What this server would offer, and can't. */
  get absentEngines(): readonly AbsentEngine[] {
    return this.#engines.absent;
  }

  /** It can be asked for: it is here, or it is known why not. */
  knowsEngine(name: string): boolean {
    return this.#engines.knows(name);
  }

  /** The one of this name. Fails with ENGINE_ABSENT. */
  engine(name: string): Engine {
    return this.#engines.get(name);
  }

  /** Bytes that trainers have of an engine's own memory, or set aside; undefined when they take the server's. */
  deviceMemory(engine: Engine): MemoryBudget | undefined {
    return this.#engines.memory(engine);
  }

  /** Over the unordered pairs, [p(p+1)/2, p], in float64. */
  logits(network: Network): Promise<Float64Array> {
    return this.#engines.evaluator.logits(network);
  }

  /**
   * The engine that a session gets: the one asked for, or the fastest for its network. Fails with ENGINE_ABSENT.
   *
   * @param name - empty or `auto` for the fastest
   * @param beside - how many other sessions will train on an engine @default those that do now
   * @param lost - those to be passed over
   */
  place(
    name: string,
    spec: Spec,
    beside: (engine: Engine) => number = (engine) => this.#trainingOn(engine),
    lost: readonly Engine[] = [],
  ): Placement {
    const can = (engine: Engine) => !lost.includes(engine) && this.#holds(engine, spec);
    const { engine, reason } = this.#engines.place(name, spec, beside, can);
    if (lost.length === 0) return { engine, reason };
    const names = lost.map((other) => other.name).join(" and ");
    return { engine, reason: `in place of ${names}, whose device is lost` };
  }

  #trainingOn(engine: Engine, except?: Session): number {
    const all = [...this.all()].filter((one) => one.isTraining && one !== except);
    return all.filter(({ training }) => training.engine === engine).length;
  }

  /**
   * Puts a session on another engine; `auto` for the fastest. Fails as `Session.move`.
   */
  async move(
    session: Session,
    name: string,
    expectedStep: number | undefined,
    receipt: Receipt,
    signal: AbortSignal,
  ): Promise<void> {
    const others = (engine: Engine) => this.#trainingOn(engine, session);
    const { engine, reason } = this.place(name, session.spec, others);
    const why = name === "auto" ? reason : `moved there from ${session.engine.name}`;
    await session.move(engine, why, expectedStep, receipt, signal);
  }

  /** A fork trains where its source does. */
  #inherited({ engine: { name } }: Session): Placement {
    return { engine: this.#engines.get(name), reason: "that of the session it was forked from" };
  }

  /** Aborts when the shutdown begins. */
  get closing(): AbortSignal {
    return this.#closing.signal;
  }

  /** All sessions, those of sweeps too, oldest first. */
  all(): Iterable<Session> {
    return this.#sessions.values();
  }

  /** Turns that wait for a device, by urgency. */
  queueDepth(): Readonly<Record<Urgency, number>> {
    const depths = this.#engines.schedulers.map(({ depth }) => depth);
    const sum = (urgency: Urgency) => depths.reduce((total, depth) => total + depth[urgency], 0);
    return { interactive: sum("interactive"), background: sum("background") };
  }

  /** Why the store can't be written, as it was found out first; empty when all is well. */
  get storageAlarm(): string {
    const { alarm } = this.store;
    return alarm === undefined ? "" : (toGrokboxError(alarm.error) as Error).message;
  }

  /** Fails with SHUTTING_DOWN once `shutDown` was called. */
  checkOpen(): void {
    if (this.closing.aborted)
      throw new GrokboxError("SHUTTING_DOWN", "the server is shutting down; try again after it is back");
  }

  /** Fails with TOO_MANY_SESSIONS when there can't be one more. */
  checkRoom(): void {
    const { maxSessions } = this.limits;
    if (this.#sessions.size + this.#starting.size < maxSessions) return;
    throw new GrokboxError("TOO_MANY_SESSIONS", `there are ${maxSessions} sessions already; delete some`, {
      limit: maxSessions,
    });
  }

  /** Finishes the slices under way, makes every session durable and lets every stream end. */
  async shutDown(): Promise<void> {
    this.#closing.abort(new GrokboxError("SHUTTING_DOWN", "the server is shutting down"));
    this.#checkpointer.stop();
    await Promise.all(this.#starting);
    await Promise.all(
      [...this.#sessions.values()].map((session) => session.shutDown().catch(this.#onDefect)),
    );
    for (const session of this.#undeleted)
      await session.forget().then(
        () => this.#undeleted.delete(session),
        () => {},
      );
  }

  /** After `shutDown`: sessions that the store does not have as they are, deleted ones that it still has among them. */
  get unstored(): readonly Session[] {
    return [...this.#sessions.values().filter(({ isWhole }) => !isWhole), ...this.#undeleted];
  }

  /** Frees everything; after `shutDown`. */
  async close(): Promise<void> {
    await Promise.all([this.analyst.close(), this.#maker.close()]);
    // What could not be removed comes back as it was stored, with fewer points than somebody has seen.
    const isWhole = this.unstored.length === 0;
    for (const session of this.#sessions.values()) session.close();
    await this.#engines.close();
    await this.store.close({ isWhole });
  }

  async #add(
    input: Origination,
    { engine, identity, beginning, measures, eventBody, forking }: NewSession,
    answering: Answering<Session>,
  ): Promise<Session> {
    this.checkOpen();
    this.checkRoom();
    const footprint = { engine, spec: input.spec, measures, hasExtras: false };
    const { promise: over, resolve } = Promise.withResolvers<void>();
    this.#starting.add(over);
    let session: Session | undefined;
    let reserved: Awaited<ReturnType<ResidentMemory["prepare"]>> | undefined;
    try {
      reserved = await this.#resident.prepare(footprint, "the session");
      const whole: SessionIdentity = {
        name: `sessions/${randomBytes(6).toString("hex")}`,
        ordinal: ++this.#started,
        createTimeMs: Date.now(),
        base: { step: input.state?.step ?? 0, isDrawn: input.state === undefined },
        ...identity,
      };
      const made = await this.#maker.make(input, engine, measures, whole, beginning);
      session = made;
      reserved.give(session);
      answering(session);
      const { id, name, step } = session;
      const event = { session: id, step, timeMs: Date.now(), kind: "started", body: eventBody };
      const begin = ({ putEvents = [], ...extra }: Commit) =>
        made.begin({ ...extra, putEvents: [event, ...putEvents] });
      await (forking === undefined ? begin({}) : forking.begin(name, begin));
      this.#sessions.set(session.name, session);
      return session;
    } catch (error) {
      // A session gives back itself what was set aside for it.
      if (session !== undefined) session.close();
      else reserved?.release();
      throw error;
    } finally {
      this.#starting.delete(over);
      resolve();
    }
  }

  /** A fork that is to run is stored with its run, so that a crash comes before both or neither. */
  async #forkFor(
    session: Session,
    step: number,
    { changes, labels, runUntilStep: untilStep }: ForkAction,
    pulled: Pulled,
  ): Promise<Session> {
    const input = { changes, labels, engine: "", pulled };
    if (untilStep === undefined || untilStep <= step) return this.fork(session, step, input);
    const { recordEvery } = session.identity;
    const plan = { untilStep, stopWhen: [], snapshotAt: [], recordAt: [], recordEvery, since: 1 };
    const fork = await this.fork(session, step, { ...input, plan });
    // Else the next server does.
    if (!this.closing.aborted) fork.resume(plan);
    return fork;
  }
}

const newestFirst = (a: Session, b: Session) => b.identity.ordinal - a.identity.ordinal;

const isOf = ({ identity }: Session, sweep: string | undefined) =>
  sweep === anySweep ? identity.sweep !== undefined : identity.sweep?.name === sweep;

interface NewSession {
  readonly engine: Engine;
  readonly identity: Omit<SessionIdentity, "name" | "ordinal" | "createTimeMs">;
  readonly beginning: Beginning;
  readonly measures: MeasureSchedule;
  /** Of the audit event. */
  readonly eventBody: unknown;
  readonly forking?: Forking;
}
