import { randomUUID } from "node:crypto";
import type { Engine, TrainerState } from "../engine/engine.ts";
import type { Activation, Spec } from "../model/spec.ts";
import type { Commit, SessionRow, Store } from "../store/store.ts";
import { Drive, type Job, stepError } from "./drive.ts";
import { GrokboxError, invalid, type Reason } from "./errors.ts";
import type { Head } from "./head.ts";
import { type Capture, Keeper, toGrokboxError } from "./keeper.ts";
import { type MeasureSchedule, needsBase } from "./measure-schedule.ts";
import type { Observer } from "./observer.ts";
import { checkPlan, type RunPlan } from "./plan.ts";
import type { ProgressLog, ProgressPoint } from "./progress-log.ts";
import type { Receipt } from "./receipt.ts";
import type { Origin } from "./recovering-trainer.ts";
import { Residence } from "./residence.ts";
import type { SnapshotSchedule } from "./schedule.ts";
import type { Scheduler } from "./scheduler.ts";
import { retainedEvents, type SessionEvent } from "./session-event.ts";
import type { Intent, SessionIdentity, SessionRecord } from "./session-record.ts";
import { type Snapshot, type SnapshotInfo, stateOf } from "./snapshot.ts";
import { type Answering, SnapshotKeeping } from "./snapshot-keeping.ts";
import { Snapshots } from "./snapshots.ts";
import { next, type SessionState, type Transition } from "./state.ts";
import type { StopReason } from "./stop-reason.ts";
import type { Training } from "./training.ts";
import { type Trigger, Triggers } from "./triggers.ts";
import { type ForkAction, Waypoints } from "./waypoints.ts";

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
  readonly fork: (session: Session, step: number, action: ForkAction) => Promise<Session>;
}

/** What a new session begins with, or what a store has of an old one. */
export interface Beginning {
  readonly intent: Pick<Intent, "labels" | "schedule"> & Partial<Intent>;
  readonly head?: Head;
  readonly epoch?: string;
  readonly snapshots?: readonly SnapshotInfo[];
}

/** A fork in the making. */
export interface Forking {
  readonly snapshot: Snapshot;
  /** Goes with the commit of the new session of this name. */
  commit(fork: string): Commit;
  done(fork: string): void;
  /** Whatever became of it: the snapshot need not stay for it any more. */
  release(): void;
}

/** What of a session can be changed at any time; what is left out stays. */
export interface SessionChange {
  readonly setLabels?: Readonly<Record<string, string>>;
  /** By key. */
  readonly removeLabels?: readonly string[];
  /** null: keeps none by itself. */
  readonly schedule?: SnapshotSchedule | null;
  readonly measures?: MeasureSchedule;
}

export interface Present {
  readonly spec: Spec;
  readonly state: TrainerState;
  /** [p, p] mask of training pairs. */
  readonly train: Uint8Array;
}

/**
 * One network in training: its state machine, and what can be asked of it. How it moves is `drive.ts`, what it does on the way
 * `waypoints.ts`, how it lasts `keeper.ts` and `snapshot-keeping.ts`, what of it is in memory `residence.ts`.
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
  #epoch: string;
  #labels: Readonly<Record<string, string>>;
  #events: readonly SessionEvent[];
  #schedule: SnapshotSchedule | undefined;
  #course: number;
  /** Why its engine is the one that it is. */
  #engineReason: string;
  #state: SessionState = "idle";
  #stopReason: StopReason | undefined;
  #plan: RunPlan | undefined;
  /** The plan of the run that ended last. While its last state is not stored, the store still has it to do. */
  #endedPlan: RunPlan | undefined;
  /** Where the log's present points begin to be others than the ones recorded up to then. */
  #cuts: Head["cuts"];
  #shutDown = false;
  #isOwned: boolean;
  /** Of the run started last. */
  #rest: Promise<unknown> = Promise.resolve();

  constructor(identity: SessionIdentity, parts: SessionParts, { intent, head, epoch, snapshots }: Beginning) {
    this.identity = identity;
    this.#parts = parts;
    this.#training = parts.training;
    this.log = parts.training.log;
    this.#epoch = epoch ?? randomUUID();
    this.#labels = intent.labels;
    this.#schedule = intent.schedule;
    this.#events = intent.events ?? [];
    this.#isOwned = intent.isOwned ?? false;
    this.#course = head?.course ?? 0;
    this.#engineReason = head?.engine?.reason ?? identity.engineReason;
    this.#cuts = head?.cuts ?? [];
    const { state = "idle" } = intent;
    this.#state = state === "stepping" || state === "running" ? "idle" : state;
    this.#stopReason = intent.stopReason;
    this.triggers = new Triggers(intent.triggers, head?.triggers);
    this.snapshots = new Snapshots(identity.name, parts.maxSnapshots, snapshots);
    const { training, store, observer, memory, onDefect } = parts;
    this.keeper = new Keeper(store, this.id, this, observer, head, intent.commitTimeMs);
    training.backBy(() => this.#readCommitted());
    this.#keeping = new SnapshotKeeping({
      session: identity.name,
      id: this.id,
      preset: identity.preset,
      store,
      keeper: this.keeper,
      snapshots: this.snapshots,
      position: () => ({ step: this.step, course: this.#course }),
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
        schedule: () => this.#schedule,
        step: () => this.step,
        fork: async (step, action) => (await parts.fork(this, step, action)).name,
        fired: (trigger, detail) => this.#event({ kind: "triggerFired", trigger, detail }),
        onDefect,
      },
      training.stages.stage(),
    );
    this.#drive = new Drive({
      name: identity.name,
      training,
      scheduler: () => parts.scheduler(training.engine),
      maxQueuedCommands: parts.maxQueuedCommands,
      waypoints: this.#waypoints,
      wake: () => this.#wake(),
    });
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
    return this.#epoch;
  }

  get state(): SessionState {
    return this.#state;
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
    return this.#labels;
  }

  get schedule(): SnapshotSchedule | undefined {
    return this.#schedule;
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
    return { name: this.#training.engine.name, reason: this.#engineReason };
  }

  get stopReason(): StopReason | undefined {
    return this.#stopReason;
  }

  get events(): readonly SessionEvent[] {
    return this.#events;
  }

  /** The plan of the run under way. */
  get plan(): RunPlan | undefined {
    return this.#plan;
  }

  get isTraining(): boolean {
    return this.#state === "running" || this.#state === "stepping";
  }

  /** Nothing is under way or waits, so that it may be put to sleep. */
  get isQuiet(): boolean {
    return !this.isTraining && !this.#drive.busy;
  }

  /** Resolves when no run is under way, and the last state of the one before was stored, if it could be. */
  get atRest(): Promise<unknown> {
    return this.#rest;
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
    const { committed, alarm, owesAnswers } = this.keeper;
    const moved = committed?.step !== this.step || committed.course !== this.#course;
    return moved || owesAnswers || alarm !== "";
  }

  /** No more points will come: deleted, or the server goes down. */
  get ended(): "deleted" | "shutdown" | undefined {
    if (this.#state === "deleted") return "deleted";
    return this.#shutDown && !this.isTraining ? "shutdown" : undefined;
  }

  /**
   * Advances by `steps`, or to the target that the receipt remembers of an earlier call with the same request id, and returns the
   * point reached. Cancelled, it keeps the steps made.
   */
  advanceBy(
    { steps, expectedStep, receipt }: { steps: number; expectedStep: number | undefined; receipt: Receipt },
    signal: AbortSignal,
  ): Promise<ProgressPoint> {
    const { memo } = receipt;
    return this.#drive.inTurn(signal, async () => {
      if (memo.target === undefined) this.#expect(expectedStep);
      const target = memo.target ?? this.step + steps;
      if (!Number.isSafeInteger(target)) {
        throw invalid([
          {
            field: "steps",
            description: `must lead to at most step ${Number.MAX_SAFE_INTEGER}; got ${steps}`,
          },
        ]);
      }
      // All of it was done, and only the answer is lost.
      if (memo.target !== undefined && this.step >= target && this.log.latest !== undefined)
        return this.log.latest;
      this.#transition("step");
      receipt.isBoundToState = true;
      memo.target = target;
      const { recordEvery } = this.identity;
      const plan: RunPlan = { untilStep: target, stopWhen: [], snapshotAt: [], recordAt: [], recordEvery };
      return this.#drive.whileJob("step", signal, async (job) => {
        let stop: StopReason | undefined;
        try {
          stop = await this.#drive.advance(plan, job);
        } catch (error) {
          if (error instanceof GrokboxError) stop = this.#failure(error.message, error.reason);
          throw error;
        } finally {
          // Whatever went wrong, the session must not be left stepping.
          this.#settle(stop ?? this.#failure("a defect ended the step"), "stepped");
        }
        const error = stepError(this.name, stop, signal);
        if (error !== undefined) throw error;
        return this.log.latest!;
      });
    });
  }

  /** Starts a run in the background. Answers with the newest sequence before it. */
  async run(
    plan: RunPlan,
    expectedStep: number | undefined,
    signal: AbortSignal,
    answering: Answering<number> = () => {},
  ): Promise<number> {
    const { since, committed } = await this.#drive.inTurn(signal, async () => {
      // What was done before it must be there when it goes on after a crash, for the same points to come again.
      await this.checkpoint();
      this.#expect(expectedStep);
      checkPlan(plan, this.step);
      this.snapshots.checkRoom(plan.snapshotAt);
      this.#transition("run");
      const since = this.log.newest;
      this.#beginRun({ ...plan, since });
      answering(since);
      // A full disk is no reason not to train.
      return { since, committed: this.keeper.commit(undefined).catch((error) => this.#tolerate(error)) };
    });
    await committed;
    return since;
  }

  /** Goes on with a run that the end of a server interrupted. */
  resume(plan: RunPlan): void {
    this.#transition("run");
    this.#beginRun(plan);
  }

  /** Stops the run under way and returns when it is at rest; does nothing when there is none. */
  async pause(): Promise<void> {
    if (this.#state === "running") await this.#drive.end("paused");
    if (this.#state === "deleted") throw this.#gone();
  }

  /** Goes on training under another activation. */
  swapActivation(
    activation: Activation,
    expectedStep: number | undefined,
    receipt: Receipt,
    signal: AbortSignal,
  ): Promise<void> {
    return this.#drive.between(signal, async () => {
      // Done already, and only its answer was not.
      if (receipt.memo.target !== undefined) return;
      this.#expect(expectedStep);
      next(this.#state, "swap", this.name);
      const from = this.spec.activation;
      if (activation === from && this.#state !== "diverged") return;
      await this.#training.swap(activation);
      receipt.isBoundToState = true;
      this.#course = this.#nextCourse();
      this.#transition("swap");
      receipt.memo.target = this.step;
      const event = this.#event({ kind: "activationSwapped", from, to: activation });
      await this.#checkpoint({ putEvents: [this.#audit(event)] });
    });
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
    return this.#drive.asItIs(signal, async () => {
      if (receipt.memo.target !== undefined) return;
      if (this.#state === "deleted") throw this.#gone();
      this.#expect(expectedStep);
      const from = this.#training.engine;
      if (engine === from) return;
      if (this.#training.isAwake) await this.#moveAwake(engine);
      else await this.#residence.wakeOn(engine);
      this.#engineReason = reason;
      // Updates from now on may be others, in the last bits.
      this.#course = this.#nextCourse();
      receipt.isBoundToState = true;
      receipt.memo.target = this.step;
      const event = this.#event({ kind: "engineMoved", from: from.name, to: engine.name });
      this.log.wake();
      await this.#checkpoint({ putEvents: [this.#audit(event)] });
    });
  }

  async #moveAwake(engine: Engine): Promise<void> {
    // What the last slice brought belongs to the engine that made it.
    await this.#training.collect();
    const settle = await this.#parts.memory.move(this, engine);
    let hasMoved = false;
    try {
      await this.#training.move(engine);
      hasMoved = true;
    } finally {
      settle(hasMoved);
    }
  }

  #nextCourse(): number {
    return 1 + Math.max(this.#course, ...this.snapshots.list().map(({ head }) => head.course));
  }

  /** Keeps the present state. The same step of the same course again returns the snapshot that there is. */
  snapshot(
    { expectedStep, label }: { expectedStep: number | undefined; label: string },
    signal: AbortSignal,
    answering: Answering<SnapshotInfo> = () => {},
  ): Promise<SnapshotInfo> {
    return this.#drive.between(signal, () => {
      this.#expect(expectedStep);
      return this.#keeping.keep("requested", { label, answering });
    });
  }

  /** Fails with SNAPSHOT_NOT_FOUND, or with SNAPSHOT_CORRUPT when its bytes are damaged. */
  readSnapshot(step: number): Promise<Snapshot> {
    return this.#keeping.read(step);
  }

  /** Fails with SNAPSHOT_IN_USE when measures are taken against it. */
  async deleteSnapshot(step: number): Promise<void> {
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
    await this.#keeping.delete(step);
  }

  /** Reads the snapshot that a session is forked from, which stays from the commit on that makes the fork. */
  async forking(step: number): Promise<Forking> {
    const release = this.snapshots.hold(step);
    try {
      const snapshot = await this.#keeping.read(step);
      const { commit, done } = this.#keeping.forking(step);
      const event = (fork: string): SessionEvent => ({
        step,
        timeMs: Date.now(),
        kind: "sessionForked",
        session: fork,
      });
      return {
        snapshot,
        commit: (fork) => ({ ...commit, putEvents: [this.#audit(event(fork))] }),
        done: (fork) => {
          done();
          this.#remember(event(fork));
        },
        release,
      };
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
    return this.#drive.between(signal, async () => {
      if (receipt.memo.target !== undefined) return;
      this.#expect(expectedStep);
      next(this.#state, "restore", this.name);
      const snapshot = await this.readSnapshot(step);
      const { head, createTimeMs } = snapshot.info;
      const from = this.step;
      if (from !== step) await this.#keeping.keep("replaced");
      await this.#training.restore(head, snapshot);
      // What was asked to be written before must not take the truncation along.
      await this.keeper.idle();
      // Of the points that the log had then, those that it still has.
      const cuts = this.#cuts.filter(({ timeMs }) => timeMs >= createTimeMs).map(({ newest }) => newest);
      const newest = Math.min(head.newest, this.log.newest, ...cuts);
      this.log.truncate(newest);
      this.#cuts = [...this.#cuts.filter((cut) => cut.newest < newest), { timeMs: Date.now(), newest }];
      this.#course = head.course;
      this.#epoch = randomUUID();
      this.#stopReason = undefined;
      this.triggers.rewind(head.triggers);
      this.#waypoints.restart(this.#training.stages.stage());
      this.#transition("restore");
      receipt.isBoundToState = true;
      receipt.memo.target = step;
      const event = this.#event({ kind: "snapshotRestored", fromStep: from, toStep: step });
      this.keeper.truncate(newest);
      await this.#training.record();
      // The state before is durable, and this one will be: a disk that is full by now is no reason to fail.
      const committed = this.keeper.commit(await this.#capture(), { putEvents: [this.#audit(event)] });
      await committed.catch((error) => this.#tolerate(error));
    });
  }

  /** Changes labels, the schedule of snapshots, and which points from now on carry which measures. */
  async update(change: SessionChange, signal: AbortSignal, answering: () => void): Promise<void> {
    const { measures } = change;
    if (measures === undefined) return this.#update(change, answering, () => this.keeper.commit(undefined));
    await this.#drive.between(signal, async () => {
      const before = this.measures;
      // What was recorded before is measured as it was asked for then.
      await this.#training.collect();
      this.#training.measure(measures);
      try {
        await this.#parts.memory.resize(this);
        // With the state, so that after a crash the same points come again.
        await this.#update(change, answering, async () => this.keeper.commit(await this.#capture()));
      } catch (error) {
        this.#training.measure(before);
        await this.#parts.memory.resize(this);
        throw error;
      }
    });
  }

  async #update(change: SessionChange, answering: () => void, commit: () => Promise<void>): Promise<void> {
    const before = { labels: this.#labels, schedule: this.#schedule };
    const { setLabels = {}, removeLabels = [] } = change;
    const labels = Object.entries({ ...this.#labels, ...setLabels }).filter(
      ([key]) => !removeLabels.includes(key),
    );
    const after = {
      labels: Object.fromEntries(labels),
      schedule: change.schedule === undefined ? this.#schedule : (change.schedule ?? undefined),
    };
    this.#labels = after.labels;
    this.#schedule = after.schedule;
    this.#waypoints.restart(this.#training.stages.stage());
    answering();
    try {
      await commit();
    } catch (error) {
      // What somebody else has set meanwhile stays.
      if (this.#labels === after.labels) this.#labels = before.labels;
      if (this.#schedule === after.schedule) this.#schedule = before.schedule;
      throw error;
    }
    this.log.wake();
  }

  setTriggers(triggers: readonly Trigger[], signal: AbortSignal, answering: () => void): Promise<void> {
    return this.#drive.between(signal, async () => {
      const before = this.triggers.all;
      const { memory } = this.triggers;
      this.triggers.replace(triggers);
      answering();
      try {
        await this.keeper.commit(undefined);
      } catch (error) {
        this.triggers.replace(before);
        this.triggers.rewind(memory);
        throw error;
      }
    });
  }

  /** A copy of the present state, with the spec that it has at that step. */
  present(expectedStep: number | undefined, signal: AbortSignal): Promise<Present> {
    return this.#drive.between(signal, async () => {
      this.#expect(expectedStep);
      return { spec: this.spec, train: this.#training.train, state: await this.#training.readState() };
    });
  }

  /** Makes the present state durable, if it isn't; a failure is left to the next time, and shows as the keeper's alarm. */
  async checkpoint(): Promise<void> {
    if (!this.isDirty || this.#state === "deleted") return;
    if (this.#training.isAwake)
      await this.#drive.own(() => this.#checkpoint().catch((error) => this.#tolerate(error)));
    else await this.keeper.commit(undefined).catch((error) => this.#tolerate(error));
  }

  /** Makes the state durable and frees its memory; false when it can't be done now. */
  async sleep(): Promise<boolean> {
    if (!this.isQuiet || !this.#training.isAwake) return false;
    return this.#drive.exclusively(async () => {
      if (this.isDirty) await this.#commitPresent().catch((error) => this.#tolerate(error));
      if (this.isDirty || this.isTraining || this.#state === "deleted" || this.log.cursors.size > 0)
        return false;
      this.#residence.sleep();
      return true;
    });
  }

  /** Runs `work` on the log with all its retained points. */
  withLog<T>(work: (log: ProgressLog) => T): Promise<T> {
    return this.#residence.withLog(work);
  }

  /** A cursor has left the log. */
  restLog(): void {
    this.#residence.restLog();
  }

  /** Stops training and forgets everything. */
  async delete(answering: () => void): Promise<void> {
    const before = this.#state;
    this.#transition("delete");
    const gone = this.#gone();
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
    if (this.isDirty && this.#training.isBehind && this.#plan === undefined) {
      this.#epoch = randomUUID();
      await this.keeper.commit(undefined).catch((error) => this.#tolerate(error));
    }
    this.#drive.closeLane(down);
    await this.keeper.idle();
    this.log.wake();
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

  row(head: Head, isPresent: boolean): SessionRow {
    const { ordinal, createTimeMs, parent } = this.identity;
    const body: SessionRecord = { head, intent: this.#intent(isPresent), identity: this.identity };
    return {
      id: this.id,
      ordinal,
      createTimeMs,
      epoch: this.#epoch,
      parent: parent === undefined ? null : { session: parent.session, step: parent.step },
      state: this.#state,
      step: head.step,
      spec: head.spec,
      body,
    };
  }

  #intent(isPresent: boolean): Intent {
    const plan = this.#plan ?? (isPresent || !this.isDirty ? undefined : this.#endedPlan);
    return {
      labels: this.#labels,
      state: this.#state,
      events: this.#events,
      triggers: this.triggers.all,
      commitTimeMs: Date.now(),
      ...(this.#schedule === undefined ? {} : { schedule: this.#schedule }),
      ...(this.measures.length === 0 ? {} : { measures: this.measures }),
      ...(this.#isOwned ? { isOwned: true as const } : {}),
      ...(this.#stopReason === undefined ? {} : { stopReason: this.#stopReason }),
      // A run that the server's end interrupts goes on after it.
      ...(plan === undefined ? {} : { plan }),
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
      course: this.#course,
      isStraight,
      engine: this.engine,
      cuts: this.#cuts,
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
    return { head: this.#head(), state, train, stored: () => this.#training.forget(given) };
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
  async #checkpoint(extra: Commit = {}): Promise<void> {
    const capture = await this.#capture();
    // Training goes on while it is written.
    this.keeper.commit(capture, extra).catch((error) => this.#tolerate(error));
  }

  /** What could not be stored shows as the keeper's alarm, and goes with the next commit. */
  #tolerate(error: unknown): void {
    if (!(error instanceof GrokboxError)) this.#parts.onDefect(error);
  }

  async #wake(): Promise<void> {
    if (this.#state === "deleted") throw this.#gone();
    await this.#residence.wake();
  }

  #gone(): GrokboxError {
    return new GrokboxError("SESSION_DELETED", `${this.name} was deleted`, { session: this.name });
  }

  #transition(transition: Transition): void {
    this.#state = next(this.#state, transition, this.name);
    this.log.wake();
  }

  #expect(expectedStep: number | undefined): void {
    if (expectedStep === undefined || expectedStep === this.step) return;
    throw new GrokboxError(
      "STEP_MISMATCH",
      `${this.name} is at step ${this.step}, not at the expected ${expectedStep}; nothing was changed`,
      { session: this.name, expected_step: expectedStep, step: this.step },
    );
  }

  #beginRun(plan: RunPlan): void {
    this.#plan = plan;
    this.#stopReason = undefined;
    const background = new AbortController();
    this.#rest = this.#drive
      .whileJob("run", background.signal, (job) => this.#runToEnd(plan, job))
      .catch((error) => this.#parts.onDefect(error));
  }

  async #runToEnd(plan: RunPlan, job: Job): Promise<void> {
    let stop: StopReason | undefined;
    try {
      const since = (plan.since ?? 0) + 1;
      const before =
        plan.stopWhen.length === 0
          ? []
          : await this.withLog((log) => log.read(since, Number.MAX_SAFE_INTEGER));
      stop = await this.#drive.advance(plan, job, before);
    } catch (error) {
      // What the caller could have been told (a snapshot that doesn't fit) is a reason to stop, not a defect.
      if (!(error instanceof GrokboxError)) throw error;
      stop = this.#failure(error.message, error.reason);
    } finally {
      stop ??= this.#failure("a defect ended the run");
      // What the end of the server interrupts stays planned, and goes on after it.
      this.#endedPlan = plan;
      if (stop.kind !== "shutdown") this.#plan = undefined;
      this.#settle(stop, stop.kind === "paused" ? "pause" : "complete");
      await this.#commitEnd();
    }
  }

  /** At the end of a run: its last state, or at least that it ended. */
  async #commitEnd(): Promise<void> {
    if (this.#state === "deleted") return;
    try {
      if (this.#training.isAwake) await this.#drive.exclusively(() => this.#commitPresent());
      else await this.keeper.commit(undefined);
    } catch (error) {
      this.#tolerate(error);
    }
  }

  #failure(detail: string, cause?: Reason): StopReason {
    return { kind: "failed", detail, step: this.step, ...(cause === undefined ? {} : { cause }) };
  }

  #settle(stop: StopReason, transition: Transition): void {
    this.#stopReason = stop;
    if (this.#state === "deleted") return;
    this.#transition(stop.kind === "diverged" ? "diverge" : transition);
  }

  #event<E extends SessionEvent["kind"]>(
    what: Omit<Extract<SessionEvent, { kind: E }>, "step" | "timeMs"> & { readonly kind: E },
  ): SessionEvent {
    const event = { step: this.step, timeMs: Date.now(), ...what } as unknown as SessionEvent;
    this.#remember(event);
    return event;
  }

  #remember(event: SessionEvent): void {
    this.#events = [...this.#events, event].slice(-retainedEvents);
  }

  #audit({ step, timeMs, kind, ...body }: SessionEvent): NonNullable<Commit["putEvents"]>[number] {
    return { session: this.id, step, timeMs, kind, body };
  }
}
