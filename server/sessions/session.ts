import type { Engine, TrainerState } from "../engine/engine.ts";
import type { Activation, Spec } from "../model/spec.ts";
import type { Commit, SessionRow, Store } from "../store/store.ts";
import { type Continuation, Course } from "./course.ts";
import { Drive } from "./drive.ts";
import { GrokboxError } from "./errors.ts";
import type { Head } from "./head.ts";
import { type Capture, Keeper, toGrokboxError } from "./keeper.ts";
import { type MeasureSchedule, needsBase } from "./measure-schedule.ts";
import type { Observer } from "./observer.ts";
import type { RunPlan } from "./plan.ts";
import type { ProgressLog, ProgressPoint } from "./progress-log.ts";
import type { Receipt } from "./receipt.ts";
import type { Origin } from "./recovering-trainer.ts";
import { Residence } from "./residence.ts";
import { Runs, type StepRequest } from "./runs.ts";
import type { SnapshotSchedule } from "./schedule.ts";
import type { Scheduler } from "./scheduler.ts";
import type { SessionEvent } from "./session-event.ts";
import type { Intent, SessionIdentity, SessionRecord } from "./session-record.ts";
import { type SessionChange, Settings } from "./settings.ts";
import { type Snapshot, type SnapshotInfo, stateOf } from "./snapshot.ts";
import { type Answering, type KeptForFork, SnapshotKeeping } from "./snapshot-keeping.ts";
import { Snapshots } from "./snapshots.ts";
import { Standing } from "./standing.ts";
import type { SessionState } from "./state.ts";
import type { StopReason } from "./stop-reason.ts";
import type { Training } from "./training.ts";
import { type Trigger, Triggers, withoutDue } from "./triggers.ts";
import { type ForkAction, type Pulled, Waypoints } from "./waypoints.ts";

export interface SessionParts {
  readonly training: Training;
  readonly scheduler: (engine: Engine) => Scheduler;
  readonly store: Store;
  readonly maxQueuedCommands: number;
  readonly maxSnapshots: number;
  /** Sets memory aside before the trainer and the log become resident, and gives it back. */
  readonly memory: {
    reserve(session: Session, engine: Engine): Promise<void>;
    release(session: Session): void;
    /** Sets aside more or less while it is resident. Fails with OUT_OF_MEMORY, changing nothing. */
    resize(session: Session): Promise<void>;
    /**
     * Sets memory aside for one that is resident to go to another engine. Fails with OUT_OF_MEMORY, changing nothing.
     *
     * @returns is to be told whether it did
     */
    move(session: Session, engine: Engine): Promise<(hasMoved: boolean) => void>;
  };
  readonly observer: Observer;
  /** Writes a defect down. */
  readonly onDefect: (error: unknown) => void;
  /** Makes a fork for a trigger, from a snapshot of this session that there is. */
  readonly fork: (session: Session, step: number, action: ForkAction, pulled: Pulled) => Promise<unknown>;
}

/** What a new session begins with, or what a store has of an old one. */
export interface Beginning {
  readonly intent: Pick<Intent, "labels" | "schedule"> & Partial<Intent>;
  readonly head?: Head;
  readonly continuation?: Continuation;
  readonly snapshots?: readonly SnapshotInfo[];
}

/** A fork in the making. */
export interface Forking {
  readonly snapshot: Snapshot;
  /** The new session of this name begins, with what is to become durable together with it. */
  begin(fork: string, commit: (extra: Commit) => Promise<void>): Promise<void>;
  /** Whatever became of it: the snapshot need not stay for it any more. */
  release(): void;
}

export interface Present {
  readonly spec: Spec;
  readonly state: TrainerState;
  /** [p, p] mask of training pairs. */
  readonly train: Uint8Array;
}

/**
 * One network in training, and what can be asked of it. What it does at the moment is `standing.ts`, its Steps and runs `runs.ts`, how
 * it moves `drive.ts`, what it does on the way `waypoints.ts`, where it leaves its course `course.ts`, what people set of it `settings.ts`,
 * how it lasts `keeper.ts` and `snapshot-keeping.ts`, and what of it is in memory `residence.ts`.
 */
export class Session {
  readonly identity: SessionIdentity;
  readonly keeper: Keeper;
  readonly snapshots: Snapshots;
  readonly triggers: Triggers;
  readonly log: ProgressLog;
  readonly #parts: SessionParts;
  readonly #training: Training;
  readonly #drive: Drive;
  readonly #keeping: SnapshotKeeping;
  readonly #residence: Residence;
  readonly #waypoints: Waypoints;
  readonly #standing: Standing;
  readonly #runs: Runs;
  readonly #course: Course;
  readonly #settings: Settings;
  #shutDown = false;
  #isOwned: boolean;

  constructor(
    identity: SessionIdentity,
    parts: SessionParts,
    { intent, head, continuation, snapshots }: Beginning,
  ) {
    this.identity = identity;
    this.#parts = parts;
    this.#training = parts.training;
    this.log = parts.training.log;
    this.#isOwned = intent.isOwned ?? false;
    this.#standing = new Standing(identity.name, parts.training, intent);
    this.triggers = new Triggers(intent.triggers, head?.triggers);
    this.snapshots = new Snapshots(identity.name, parts.maxSnapshots, snapshots);
    const { training, store, observer, memory, onDefect } = parts;
    this.keeper = new Keeper(store, this.id, this, observer, head, intent.commitTimeMs);
    training.backBy(identity.name, () => this.#readCommitted());
    this.#keeping = new SnapshotKeeping({
      session: identity.name,
      id: this.id,
      preset: identity.preset,
      store,
      keeper: this.keeper,
      snapshots: this.snapshots,
      position: () => ({ step: this.step, course: this.#course.number }),
      capture: () => this.#capture(),
    });
    this.#residence = new Residence({
      id: this.id,
      training,
      store,
      reserve: (engine) => memory.reserve(this, engine),
      resize: () => memory.resize(this),
      release: () => memory.release(this),
    });
    this.#waypoints = new Waypoints(
      {
        keeping: this.#keeping,
        snapshots: this.snapshots,
        triggers: this.triggers,
        schedule: () => this.schedule,
        step: () => this.step,
        fork: async (...action) => void (await parts.fork(this, ...action)),
        fired: (pulled) => {
          const event = this.#standing.note({ kind: "triggerFired", ...pulled });
          return () => this.#standing.unremember(event);
        },
        isTold: (pulled) => this.#standing.tells(pulled),
        onDefect,
      },
      // Of the last point that was looked at: the stage may have changed since, and was not yet seen to.
      training.log.latest?.stage ?? training.stages.stage(),
    );
    this.#drive = new Drive({
      name: identity.name,
      training,
      scheduler: () => parts.scheduler(training.engine),
      maxQueuedCommands: parts.maxQueuedCommands,
      waypoints: this.#waypoints,
      wake: () => this.#wake(),
    });
    this.#runs = new Runs({
      name: identity.name,
      recordEvery: identity.recordEvery,
      training,
      standing: this.#standing,
      drive: this.#drive,
      keeper: this.keeper,
      snapshots: this.snapshots,
      withLog: (work) => this.withLog(work),
      checkpoint: () => this.checkpoint(),
      commitPresent: () => this.#commitPresent(),
      ending: ({ kind }, isForced) => {
        // The next server goes on with it.
        if (kind === "shutdown") return;
        if (isForced || kind === "failed") this.#course.stray();
        else this.#course.arrive();
      },
      rested: () => this.#waypoints.rested(),
      renewEpoch: () => this.renewEpoch(),
      retraces: () => this.#course.retraces,
      tolerate: (error) => this.#tolerate(error),
      onDefect,
      ...(intent.plan && { plan: intent.plan }),
    });
    this.#course = new Course(
      {
        training,
        standing: this.#standing,
        drive: this.#drive,
        keeper: this.keeper,
        keeping: this.#keeping,
        snapshots: this.snapshots,
        triggers: this.triggers,
        waypoints: this.#waypoints,
        residence: this.#residence,
        moveMemory: (engine) => memory.move(this, engine),
        capture: () => this.#capture(),
        audit: (event) => this.#audit(event),
        tolerate: (error) => this.#tolerate(error),
      },
      {
        course: head?.course ?? 0,
        cuts: head?.cuts ?? [],
        engineReason: head?.engine?.reason ?? identity.engineReason,
      },
      continuation,
    );
    this.#settings = new Settings(
      {
        training,
        drive: this.#drive,
        keeper: this.keeper,
        triggers: this.triggers,
        waypoints: this.#waypoints,
        resizeMemory: () => memory.resize(this),
        capture: () => this.#capture(),
        stray: () => this.#course.stray(),
      },
      intent,
    );
  }

  get name(): string {
    return this.identity.name;
  }

  /** Its name without sessions/. */
  get id(): string {
    return this.identity.name.slice("sessions/".length);
  }

  /** Changes when the progress log is not a continuation of an earlier one of the same name. */
  get epoch(): string {
    return this.#course.epoch;
  }

  get state(): SessionState {
    return this.#standing.state;
  }

  get step(): number {
    return this.#training.step;
  }

  get spec(): Spec {
    return this.#training.spec;
  }

  get training(): Training {
    return this.#training;
  }

  get labels(): Readonly<Record<string, string>> {
    return this.#settings.labels;
  }

  get schedule(): SnapshotSchedule | undefined {
    return this.#settings.schedule;
  }

  /** Which of its points carry which measures, of those that a schedule can name. */
  get measures(): MeasureSchedule {
    return this.#training.schedule;
  }

  /** The state at which it began can be had again, to take measures against it. */
  get hasBase(): boolean {
    const { base } = this.identity;
    return base !== undefined && (base.isDrawn || this.#baseSnapshot !== undefined);
  }

  /** Equal steps of the course on which it began are equal states. */
  get #baseSnapshot(): SnapshotInfo | undefined {
    const { base } = this.identity;
    const found = base && this.snapshots.find(base.step);
    return found?.head.course === 0 ? found : undefined;
  }

  /** The engine that makes its updates, and why that one. */
  get engine(): { readonly name: string; readonly reason: string } {
    return { name: this.#training.engine.name, reason: this.#course.engineReason };
  }

  get stopReason(): StopReason | undefined {
    return this.#standing.stopReason;
  }

  get events(): readonly SessionEvent[] {
    return this.#standing.events;
  }

  /** The plan of the run under way, or of one that the server's end interrupted. */
  get plan(): RunPlan | undefined {
    return this.#runs.plan;
  }

  get isTraining(): boolean {
    return this.#standing.isTraining;
  }

  /** Nothing is under way or waits, so that it may be put to sleep. */
  get isQuiet(): boolean {
    return !this.isTraining && !this.#drive.busy;
  }

  /** Resolves when no run is under way, and the last state of the one before was stored, if it could be. */
  get atRest(): Promise<unknown> {
    return this.#runs.atRest;
  }

  /** The sweep that it belongs to, which alone moves it, until its run there has ended. */
  get owner(): string | undefined {
    return this.#isOwned ? this.identity.sweep?.name : undefined;
  }

  /** Fails with SESSION_IN_SWEEP when it is not for callers to change. */
  checkFree(): void {
    const { owner } = this;
    if (owner === undefined) return;
    throw new GrokboxError(
      "SESSION_IN_SWEEP",
      `${this.name} trains for ${owner} until its run there has ended; pause or cancel that, or fork the session`,
      { session: this.name, sweep: owner },
    );
  }

  /** Its sweep has done with it. `extra` becomes durable together with that. */
  async release(extra: Commit): Promise<void> {
    this.#isOwned = false;
    try {
      await this.keeper.commit(undefined, extra);
    } catch (error) {
      this.#isOwned = true;
      throw error;
    }
    this.log.wake();
  }

  /** When it was last used, by `performance.now()`. */
  get usedMs(): number {
    return this.#residence.usedMs;
  }

  /** It is not what the store has. */
  get isDirty(): boolean {
    const { alarm, owesAnswers } = this.keeper;
    return !this.isStored || owesAnswers || alarm !== "";
  }

  /** Nothing that somebody may have seen of it is missing from the store. */
  get isWhole(): boolean {
    return this.isStored && this.keeper.alarm === "";
  }

  /** The store has its state, what its triggers have still to do there, and every point of its log. */
  get isStored(): boolean {
    const { committed } = this.keeper;
    return (
      committed?.step === this.step &&
      committed.course === this.#course.number &&
      committed.newest === this.log.newest &&
      this.triggers.owesAs(committed.triggers)
    );
  }

  /** No more points will come: deleted, or the server goes down. */
  get ended(): "deleted" | "shutdown" | undefined {
    if (this.#standing.isDeleted) return "deleted";
    return this.#shutDown && !this.isTraining ? "shutdown" : undefined;
  }

  /**
   * Advances by `steps`, or to the target that the receipt remembers of an earlier call with the same request id, and returns the
   * point reached. Cancelled, it keeps the steps made.
   */
  advanceBy(request: StepRequest, signal: AbortSignal): Promise<ProgressPoint> {
    return this.#runs.advanceBy(request, signal);
  }

  /** Starts a run in the background. Answers with the newest sequence before it. */
  run(
    plan: RunPlan,
    expectedStep: number | undefined,
    signal: AbortSignal,
    answering?: Answering<number>,
  ): Promise<number> {
    return this.#runs.start(plan, expectedStep, signal, answering);
  }

  /** Begins a run that the store has already, as the end of a server leaves it. */
  resume(plan: RunPlan): void {
    this.#runs.resume(plan);
  }

  /**
   * Does what a crash has kept its triggers from doing, where no run goes on that does. A pause stays due for the Step that it was to end,
   * which its caller may repeat; the next one of somebody else lets it be.
   */
  async catchUp(): Promise<void> {
    if (!this.#waypoints.isBehind) return;
    await this.#drive.own(() => this.#waypoints.finish()).catch((error) => this.#tolerate(error));
  }

  /**
   * Stops the run under way and returns when it is at rest; does nothing when there is none.
   *
   * @param answering - is called at rest, before anybody else moves it, or at once where it does nothing
   */
  pause(answering?: () => void): Promise<void> {
    return this.#runs.pause(answering);
  }

  /** Goes on training under another activation. */
  swapActivation(
    activation: Activation,
    expectedStep: number | undefined,
    receipt: Receipt,
    signal: AbortSignal,
  ): Promise<void> {
    return this.#course.swap(activation, { expectedStep, receipt }, signal);
  }

  /**
   * Goes on under another engine, from the present state; a run under way goes on there. Fails, changing nothing, with OUT_OF_MEMORY,
   * and with DEVICE_LOST when either engine has none and the state is not stored.
   *
   * @param reason - why it is to be that engine, for people
   */
  move(
    engine: Engine,
    reason: string,
    expectedStep: number | undefined,
    receipt: Receipt,
    signal: AbortSignal,
  ): Promise<void> {
    return this.#course.move(engine, reason, { expectedStep, receipt }, signal);
  }

  /** Keeps the present state. The same step of the same course again returns the snapshot that there is. */
  snapshot(
    { expectedStep, label }: { expectedStep: number | undefined; label: string },
    signal: AbortSignal,
    answering: Answering<SnapshotInfo> = () => {},
  ): Promise<SnapshotInfo> {
    return this.#drive.between(signal, () => {
      this.#standing.expect(expectedStep);
      return this.#keeping.keep("requested", { label, answering });
    });
  }

  /** Fails with SNAPSHOT_NOT_FOUND, or with SNAPSHOT_CORRUPT when its bytes are damaged. */
  readSnapshot(step: number): Promise<Snapshot> {
    return this.#keeping.read(step);
  }

  /** Keeps the present state for a fork. */
  keepForFork(expectedStep: number | undefined, signal: AbortSignal): Promise<KeptForFork> {
    return this.#drive.between(signal, () => {
      this.#standing.expect(expectedStep);
      return this.#keeping.keepForFork("requested");
    });
  }

  /** Waits for forks of it that are under way. Fails with SNAPSHOT_IN_USE when measures are taken against it. */
  async deleteSnapshot(step: number, answering: () => void = () => {}): Promise<void> {
    await this.#keeping.delete(step, () => {
      this.#checkUnused(step);
      answering();
      return true;
    });
  }

  #checkUnused(step: number): void {
    const { base } = this.identity;
    const isInUse = !base?.isDrawn && this.measures.some(({ measure }) => needsBase(measure));
    if (isInUse && this.#baseSnapshot?.step === step) {
      const snapshot = `${this.name}/snapshots/${step}`;
      throw new GrokboxError(
        "SNAPSHOT_IN_USE",
        `${snapshot} is the state at which the session began, and drifts are measured against it; end these measures first`,
        { snapshot },
      );
    }
  }

  /**
   * Reads the snapshot that a session is forked from, which stays from the commit on that makes the fork.
   *
   * @param pulled - the trigger whose action that is
   */
  async forking(step: number, pulled?: Pulled): Promise<Forking> {
    const release = this.snapshots.hold(step);
    try {
      const snapshot = await this.#keeping.read(step);
      const { commit, done } = this.#keeping.forking(step);
      const begin: Forking["begin"] = (fork, commitFork) =>
        this.keeper.between(async (committed) => {
          const at = { step, timeMs: Date.now() };
          const forked: SessionEvent = { ...at, kind: "sessionForked", session: fork };
          const events: SessionEvent[] = [forked];
          let head = committed;
          if (pulled !== undefined) {
            const { trigger, detail } = pulled;
            events.push({ ...at, kind: "triggerFired", trigger, detail: `${detail}; forked ${fork}` });
            head = { ...committed, triggers: withoutDue(committed.triggers, trigger) };
          }
          const row = this.#rowOf(head, this.#intent(undefined, this.#standing.with(...events)));
          await commitFork({ ...commit, putSessions: [row], putEvents: [this.#audit(forked)] });
          done();
          this.#standing.remember(...events);
          return head;
        });
      return { snapshot, begin, release };
    } catch (error) {
      release();
      throw error;
    }
  }

  /** Puts the session back to one of its snapshots. */
  restoreSnapshot(
    step: number,
    expectedStep: number | undefined,
    receipt: Receipt,
    signal: AbortSignal,
  ): Promise<void> {
    return this.#course.restore(step, { expectedStep, receipt }, signal);
  }

  /** Changes labels, the schedule of snapshots, and which points from now on carry which measures. */
  update(change: SessionChange, signal: AbortSignal, answering: () => void): Promise<void> {
    return this.#settings.update(change, signal, answering);
  }

  setTriggers(triggers: readonly Trigger[], signal: AbortSignal, answering: () => void): Promise<void> {
    return this.#settings.setTriggers(triggers, signal, answering);
  }

  /** A copy of the present state, with the spec that it has at that step. */
  present(expectedStep: number | undefined, signal: AbortSignal): Promise<Present> {
    return this.#drive.between(signal, async () => {
      this.#standing.expect(expectedStep);
      return { spec: this.spec, train: this.#training.train, state: await this.#training.readState() };
    });
  }

  /** Makes the present state durable, if it isn't; a failure is left to the next time, and shows as the keeper's alarm. */
  async checkpoint(): Promise<void> {
    if (!this.isDirty || this.#standing.isDeleted) return;
    // It may be deleted before its turn comes.
    const commit = this.#training.isAwake
      ? this.#drive.own(() => this.#commitSoon())
      : this.keeper.commit(undefined);
    await commit.catch((error) => this.#tolerate(error));
  }

  /** Makes the state durable and frees its memory; false when it can't be done now. */
  async sleep(): Promise<boolean> {
    if (!this.isQuiet || !this.#training.isAwake) return false;
    return this.#drive.exclusively(async () => {
      if (this.isDirty) await this.#commitPresent().catch((error) => this.#tolerate(error));
      if (this.isDirty || this.isTraining || this.#standing.isDeleted || this.log.isWanted) return false;
      this.#residence.sleep();
      return true;
    });
  }

  /** Runs `work` on the log with all its retained points. */
  withLog<T>(work: (log: ProgressLog) => T): Promise<T> {
    return this.#residence.withLog(work);
  }

  /** A cursor has left the log, or has come to its end. */
  restLog(): void {
    this.#residence.restLog();
  }

  /** Stops training and forgets everything. */
  async delete(answering: () => void): Promise<void> {
    const before = this.state;
    this.#standing.transition("delete");
    const gone = this.#standing.gone();
    this.#drive.closeJobs(gone);
    await this.#drive.end("cancelled");
    await this.#drive.exclusively(async () => {
      this.#drive.closeLane(gone);
      // A commit that waits for its turn still reads the log.
      await this.keeper.idle();
      this.#residence.sleep();
    });
    answering();
    const event = {
      session: this.id,
      step: this.step,
      timeMs: Date.now(),
      kind: "deleted",
      body: { state: before },
    };
    await this.keeper.forget([event]);
    this.log.wake();
  }

  /** Finishes the slice under way, ends the job and the streams. */
  async shutDown(): Promise<void> {
    this.#shutDown = true;
    const down = new GrokboxError("SHUTTING_DOWN", "the server is shutting down");
    this.#drive.closeJobs(down);
    await this.#drive.end("shutdown");
    await this.checkpoint();
    // Of a state that can't be had any more, as without a device: nobody will make the points again that somebody may have seen.
    if (this.isDirty && this.#training.isBehind && this.plan === undefined) {
      this.#course.renewEpoch();
      await this.keeper.commit(undefined).catch((error) => this.#tolerate(error));
    }
    this.#drive.closeLane(down);
    await this.keeper.idle();
    this.log.wake();
  }

  /** Makes its log no continuation of what was seen of it before; what can't be stored goes with the next commit. */
  async renewEpoch(): Promise<void> {
    this.#course.renewEpoch();
    this.log.wake();
    await this.keeper.commit(undefined);
  }

  /** Frees the trainer; after `shutDown`. */
  close(): void {
    this.#residence.sleep();
  }

  /** Tries again to remove a deleted session from the store. */
  async forget(): Promise<void> {
    await this.keeper.forget([]);
  }

  /** The first commit of a new session. What its measures are taken against stays, unless it can be drawn again. */
  async begin(extra: Commit): Promise<void> {
    const isKept = !this.identity.base?.isDrawn && this.measures.some(({ measure }) => needsBase(measure));
    if (isKept) await this.#keeping.keep("requested", { extra });
    else await this.keeper.commit(await this.#capture(), extra);
  }

  row(head: Head, capture: Capture | undefined): SessionRow {
    return this.#rowOf(head, this.#intent(capture));
  }

  #rowOf(head: Head, intent: Intent): SessionRow {
    const { ordinal, createTimeMs, parent } = this.identity;
    const body: SessionRecord = { head, intent, identity: this.identity };
    return {
      id: this.id,
      ordinal,
      createTimeMs,
      epoch: this.epoch,
      parent: parent === undefined ? null : { session: parent.session, step: parent.step },
      state: this.state,
      step: head.step,
      spec: head.spec,
      body,
    };
  }

  #intent(capture: Capture | undefined, events = this.events): Intent {
    const { endedPlan } = this.#runs;
    const isStored = capture === undefined ? this.isStored : capture.endedPlan === endedPlan;
    const plan = this.#runs.planToResume ?? (isStored ? undefined : endedPlan);
    return {
      labels: this.labels,
      state: this.state,
      events,
      triggers: this.triggers.all,
      commitTimeMs: Date.now(),
      ...(this.schedule === undefined ? {} : { schedule: this.schedule }),
      ...(this.measures.length === 0 ? {} : { measures: this.measures }),
      ...(this.#isOwned ? { isOwned: true as const } : {}),
      ...(this.stopReason === undefined ? {} : { stopReason: this.stopReason }),
      // A run that the server's end interrupts goes on after it.
      ...(plan === undefined ? {} : { plan }),
      ...(this.#course.retraces ? { retraces: true as const } : {}),
    };
  }

  #head(): Head {
    const { spec, step, counts, stages, isStraight } = this.#training;
    const { oldest, newest, latest = null } = this.log;
    const { memory: triggers } = this.triggers;
    return {
      spec,
      step,
      counts,
      stages: stages.memory(),
      course: this.#course.number,
      isStraight,
      engine: this.engine,
      cuts: this.#course.cuts,
      oldest,
      newest,
      latest,
      triggers,
    };
  }

  /** The present state with all that belongs to it; with the trainer to itself. */
  async #capture(): Promise<Capture> {
    await this.#training.collect();
    const state = await this.#training.readState();
    const { train, given } = this.#training;
    const { endedPlan } = this.#runs;
    const stored = () => {
      this.#training.forget(given);
      this.#runs.stored(endedPlan);
    };
    return { head: this.#head(), state, train, endedPlan, stored };
  }

  async #commitPresent(): Promise<void> {
    await this.keeper.commit(await this.#capture());
  }

  /** The state that a crash would bring back, once it is known which. */
  async #readCommitted(): Promise<Origin> {
    await this.keeper.idle();
    const { spec, step } = this.keeper.committed!;
    try {
      const { arrays, train } = await this.#parts.store.readHead(this.id);
      return { spec, train, state: stateOf(step, arrays) };
    } catch (error) {
      throw toGrokboxError(error);
    }
  }

  /** With the trainer to itself. */
  async #commitSoon(): Promise<void> {
    const capture = await this.#capture();
    // Training goes on while it is written.
    this.keeper.commit(capture).catch((error) => this.#tolerate(error));
  }

  /** What could not be stored shows as the keeper's alarm, and goes with the next commit. */
  #tolerate(error: unknown): void {
    if (!(error instanceof GrokboxError)) this.#parts.onDefect(error);
  }

  async #wake(): Promise<void> {
    if (this.#standing.isDeleted) throw this.#standing.gone();
    await this.#residence.wake();
  }

  #audit({ step, timeMs, kind, ...body }: SessionEvent): NonNullable<Commit["putEvents"]>[number] {
    return { session: this.id, step, timeMs, kind, body };
  }
}
