import { randomUUID } from "node:crypto";
import type { TrainerState } from "../engine/engine.ts";
import type { Activation, Spec } from "../model/spec.ts";
import type { Memo } from "./answers.ts";
import { cancelled, GrokboxError, invalid } from "./errors.ts";
import { Lane } from "./lane.ts";
import type { MemoryBudget } from "./memory-budget.ts";
import { nextStretch, type RunPlan } from "./plan.ts";
import type { ProgressLog, ProgressPoint } from "./progress-log.ts";
import type { Scheduler, Urgency } from "./scheduler.ts";
import { digest, type Snapshot, stateBytes } from "./snapshot.ts";
import { next, type SessionState, type Transition } from "./state.ts";
import { StopWatch } from "./stop-conditions.ts";
import type { Training } from "./training.ts";

export type StopKind = "target" | "condition" | "paused" | "diverged" | "cancelled" | "shutdown" | "failed";

export interface StopReason {
  readonly kind: StopKind;
  readonly detail: string;
  readonly step: number;
}

export interface SessionEvent {
  readonly step: number;
  readonly timeMs: number;
  readonly activationSwapped: { readonly from: Activation; readonly to: Activation };
}

export interface SessionParts {
  readonly training: Training;
  readonly log: ProgressLog;
  readonly scheduler: Scheduler;
  readonly memory: MemoryBudget;
  readonly maxQueuedCommands: number;
  readonly maxSnapshots: number;
}

export interface SessionIdentity {
  /** sessions/{id} */
  readonly name: string;
  /** Greater than that of every session started before. */
  readonly ordinal: number;
  readonly preset: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly engine: string;
  readonly engineReason: string;
  readonly recordEvery: number;
}

export interface Present {
  readonly spec: Spec;
  readonly state: TrainerState;
  /** [p, p] mask of training pairs. */
  readonly train: Uint8Array;
}

/** Events kept of a session, the newest. */
const retainedEvents = 100;

/** A Step of up to this long goes ahead of background work. */
const interactiveMs = 40;

/** The job that advances the session: a Step call or a background run. */
interface Job {
  /** Set once: why the job is to end before its target. */
  stop: StopKind | undefined;
  readonly abort: AbortController;
  readonly ended: Promise<void>;
}

/**
 * One network in training. Steps and runs are jobs, one at a time; between the slices of a job everybody else gets a turn through
 * the session's lane, always at one whole step.
 */
export class Session {
  readonly identity: SessionIdentity;
  readonly createTimeMs = Date.now();
  /** Changes when the progress log is not a continuation of an earlier one of the same name. */
  readonly epoch = randomUUID();
  readonly log: ProgressLog;
  readonly #parts: SessionParts;
  readonly #training: Training;
  readonly #lane: Lane;
  readonly #jobs: Lane;
  readonly #snapshots = new Map<number, Snapshot>();
  readonly #events: SessionEvent[] = [];
  #state: SessionState = "idle";
  #stopReason: StopReason | undefined;
  #job: Job | undefined;
  #plan: RunPlan | undefined;
  /** Ends the slice under way early, for somebody who waits in the lane. */
  #hurry: AbortController | undefined;
  #shutDown = false;

  constructor(identity: SessionIdentity, parts: SessionParts) {
    this.identity = identity;
    this.#parts = parts;
    this.#training = parts.training;
    this.log = parts.log;
    this.#lane = new Lane(identity.name, parts.maxQueuedCommands);
    this.#jobs = new Lane(identity.name, parts.maxQueuedCommands);
  }

  get name(): string {
    return this.identity.name;
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

  /** No more points will come: deleted, or the server goes down. */
  get ended(): "deleted" | "shutdown" | undefined {
    if (this.#state === "deleted") return "deleted";
    return this.#shutDown && !this.isTraining ? "shutdown" : undefined;
  }

  /**
   * Advances by `steps`, or to the target that `memo` remembers of an earlier call with the same request id, and returns the point
   * reached. Cancelled, it keeps the steps made.
   */
  advanceBy(
    { steps, expectedStep, memo }: { steps: number; expectedStep: number | undefined; memo: Memo },
    signal: AbortSignal,
  ): Promise<ProgressPoint> {
    return this.#jobs.run(signal, async () => {
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
      this.#transition("step");
      memo.target = target;
      const plan: RunPlan = {
        untilStep: target,
        stopWhen: [],
        snapshotAt: [],
        recordAt: [],
        recordEvery: this.identity.recordEvery,
      };
      return this.#whileJob(signal, async (job) => {
        let stop: StopReason | undefined;
        try {
          stop = await this.#advance(plan, job);
        } finally {
          // Whatever went wrong, the session must not be left stepping.
          if (stop === undefined) this.#settle(this.#failure("a defect ended the step"), "stepped");
        }
        return this.#afterStep(stop, signal);
      });
    });
  }

  /** Starts a run in the background. Answers with the newest sequence before it. */
  run(
    plan: RunPlan,
    expectedStep: number | undefined,
    onDefect: (error: unknown) => void,
    signal: AbortSignal,
  ): Promise<number> {
    return this.#jobs.run(signal, async () => {
      this.#expect(expectedStep);
      this.#checkPlan(plan);
      this.#transition("run");
      this.#plan = plan;
      this.#stopReason = undefined;
      const newest = this.log.newest;
      const background = new AbortController();
      this.#whileJob(background.signal, (job) => this.#runToEnd(plan, job)).catch(onDefect);
      return newest;
    });
  }

  /** Stops the run under way and returns when it is at rest; does nothing when there is none. */
  async pause(): Promise<void> {
    if (this.#state === "running") await this.#endJob("paused");
    if (this.#state === "deleted") throw this.#gone();
  }

  /** Goes on training under another activation. */
  swapActivation(
    activation: Activation,
    expectedStep: number | undefined,
    signal: AbortSignal,
  ): Promise<void> {
    return this.#between(signal, async () => {
      this.#expect(expectedStep);
      next(this.#state, "swap", this.name);
      const from = this.spec.activation;
      if (activation === from && this.#state !== "diverged") return;
      await this.#training.swap(activation);
      this.#transition("swap");
      if (this.#events.length === retainedEvents) this.#events.shift();
      this.#events.push({ step: this.step, timeMs: Date.now(), activationSwapped: { from, to: activation } });
    });
  }

  /** Keeps the present state. The same step again returns the snapshot that there is. */
  snapshot(expectedStep: number | undefined, signal: AbortSignal): Promise<Snapshot> {
    return this.#between(signal, () => {
      this.#expect(expectedStep);
      return this.#keepSnapshot();
    });
  }

  /** A copy of the present state, with the spec that it has at that step. */
  present(expectedStep: number | undefined, signal: AbortSignal): Promise<Present> {
    return this.#between(signal, async () => {
      this.#expect(expectedStep);
      return { spec: this.spec, train: this.#training.train, state: await this.#training.readState() };
    });
  }

  getSnapshot(step: number): Snapshot {
    const snapshot = this.#snapshots.get(step);
    if (snapshot !== undefined) return snapshot;
    const name = `${this.name}/snapshots/${step}`;
    const kept = [...this.#snapshots.keys()].sort((a, b) => a - b);
    const list = kept.length === 0 ? "none are kept" : `kept steps: ${kept.slice(0, 20).join(", ")}`;
    throw new GrokboxError("SNAPSHOT_NOT_FOUND", `${name} does not exist; ${list}`, { snapshot: name });
  }

  /** Stops training and forgets everything. */
  async delete(): Promise<void> {
    this.#transition("delete");
    const gone = this.#gone();
    this.#jobs.close(gone);
    await this.#endJob("cancelled");
    await this.#withTrainer(async () => {
      this.#lane.close(gone);
      this.#training.close();
    });
    for (const { state } of this.#snapshots.values()) this.#parts.memory.release(stateBytes(state));
    this.#snapshots.clear();
    this.log.wake();
  }

  /** Finishes the slice under way, ends the job and the streams. */
  async shutDown(): Promise<void> {
    this.#shutDown = true;
    const down = new GrokboxError("SHUTTING_DOWN", "the server is shutting down");
    this.#jobs.close(down);
    await this.#endJob("shutdown");
    this.#lane.close(down);
    this.log.wake();
  }

  #gone(): GrokboxError {
    return new GrokboxError("SESSION_DELETED", `${this.name} was deleted`, { session: this.name });
  }

  #transition(transition: Transition): void {
    this.#state = next(this.#state, transition, this.name);
    this.log.wake();
  }

  /** Runs `work` between slices. */
  #between<T>(signal: AbortSignal, work: () => Promise<T>): Promise<T> {
    const turn = this.#lane.run(signal, work);
    this.#hurry?.abort();
    return turn;
  }

  #expect(expectedStep: number | undefined): void {
    if (expectedStep === undefined || expectedStep === this.step) return;
    throw new GrokboxError(
      "STEP_MISMATCH",
      `${this.name} is at step ${this.step}, not at the expected ${expectedStep}; nothing was changed`,
      { session: this.name, expected_step: expectedStep, step: this.step },
    );
  }

  #checkPlan(plan: RunPlan): void {
    const passed = (field: string, step: number) => ({
      field,
      description: `must be greater than the session's step ${this.step}; got ${step}`,
    });
    const violations = [
      ...(plan.untilStep !== undefined && plan.untilStep <= this.step
        ? [passed("plan.until_step", plan.untilStep)]
        : []),
      ...plan.snapshotAt.filter((step) => step <= this.step).map((step) => passed("plan.snapshot_at", step)),
      ...plan.recordAt.filter((step) => step <= this.step).map((step) => passed("plan.record_at", step)),
    ];
    if (violations.length > 0) throw invalid(violations.slice(0, 20));
    this.#checkSnapshotCount(plan.snapshotAt.filter((step) => !this.#snapshots.has(step)).length);
  }

  #checkSnapshotCount(more: number): void {
    const { maxSnapshots } = this.#parts;
    if (this.#snapshots.size + more <= maxSnapshots) return;
    throw new GrokboxError(
      "TOO_MANY_SNAPSHOTS",
      `${this.name} keeps ${this.#snapshots.size} snapshots; ${more} more would exceed the limit of ${maxSnapshots}`,
      { session: this.name, limit: maxSnapshots },
    );
  }

  async #keepSnapshot(): Promise<Snapshot> {
    const present = this.#snapshots.get(this.step);
    if (present !== undefined) return present;
    this.#checkSnapshotCount(1);
    const bytes = this.#training.stateBytes;
    this.#parts.memory.reserve(bytes, `a snapshot of ${this.name}`);
    const state = await this.#training.readState();
    const snapshot: Snapshot = {
      session: this.name,
      spec: this.spec,
      preset: this.identity.preset,
      state,
      train: this.#training.train,
      createTimeMs: Date.now(),
      sha256: digest(state),
    };
    this.#snapshots.set(state.step, snapshot);
    return snapshot;
  }

  /** Ends the job under way for a reason and waits until it is at rest. */
  async #endJob(kind: StopKind): Promise<void> {
    const job = this.#job;
    if (job === undefined) return;
    job.stop ??= kind;
    job.abort.abort();
    await job.ended;
  }

  async #whileJob<T>(signal: AbortSignal, work: (job: Job) => Promise<T>): Promise<T> {
    const { promise: ended, resolve } = Promise.withResolvers<void>();
    const job: Job = { stop: undefined, abort: new AbortController(), ended };
    const cancel = () => {
      job.stop ??= "cancelled";
      job.abort.abort();
    };
    if (signal.aborted) cancel();
    signal.addEventListener("abort", cancel);
    this.#job = job;
    try {
      return await work(job);
    } finally {
      signal.removeEventListener("abort", cancel);
      this.#job = undefined;
      resolve();
      this.log.wake();
    }
  }

  /** Trains until the plan or the job says stop. Afterwards the last point is of the state reached. */
  async #advance(plan: RunPlan, job: Job): Promise<StopReason> {
    const watch = new StopWatch(plan.stopWhen);
    for (;;) {
      const stop = await this.#stopOrSlice(plan, job, watch);
      if (stop === undefined) continue;
      if (this.#state !== "deleted") await this.#withTrainer(() => this.#training.record());
      return { ...stop, step: this.step };
    }
  }

  /** Why training is to stop now; nothing when it went on by a slice. */
  async #stopOrSlice(
    plan: RunPlan,
    job: Job,
    watch: StopWatch,
  ): Promise<Omit<StopReason, "step"> | undefined> {
    const interrupted = () => {
      const kind = job.stop ?? "cancelled";
      return { kind, detail: interruption[kind] ?? "" };
    };
    if (job.stop !== undefined) return interrupted();
    const target = plan.untilStep ?? Number.POSITIVE_INFINITY;
    if (this.step >= target) return { kind: "target", detail: `reached step ${target}` };
    const { activation } = this.spec;
    try {
      const { diverged } = await this.#slice(plan, this.#urgency(target), job.abort.signal);
      if (plan.snapshotAt.includes(this.step)) await this.#withTrainer(() => this.#keepSnapshot());
      // Somebody who swapped the activation in the meantime has seen to it that training can go on.
      if (diverged && this.spec.activation === activation) {
        return {
          kind: "diverged",
          detail: `the loss of step ${this.step + 1} is not finite; this is the last good state`,
        };
      }
    } catch (error) {
      if (job.stop !== undefined && error instanceof GrokboxError) return interrupted();
      throw error;
    }
    // Without conditions the point is measured while the next slice is computed.
    const point = plan.stopWhen.length > 0 ? await this.#training.collect() : undefined;
    const holds = point === undefined ? undefined : watch.observe(point);
    return holds === undefined ? undefined : { kind: "condition", detail: holds };
  }

  /** What is left of a Step goes ahead of background work when it is short. */
  #urgency(target: number): Urgency {
    const short = this.#training.expectedMs(target - this.step) <= interactiveMs;
    return this.#state === "stepping" && short ? "interactive" : "background";
  }

  /** One slice of a plan, in turn with everybody else's. */
  #slice(plan: RunPlan, urgency: Urgency, signal: AbortSignal): Promise<{ readonly diverged: boolean }> {
    const turn = () =>
      this.#parts.scheduler.turn(urgency, signal, async (preempt) => {
        const hurry = new AbortController();
        const forward = () => hurry.abort();
        preempt.addEventListener("abort", forward);
        this.#hurry = hurry;
        try {
          const { until, recordAt } = nextStretch(plan, this.step, this.#training.sliceSteps);
          return await this.#training.advance(until, recordAt, hurry.signal);
        } finally {
          this.#hurry = undefined;
          preempt.removeEventListener("abort", forward);
        }
      });
    return this.#lane.run(signal, turn, "own");
  }

  #withTrainer<T>(work: () => Promise<T>): Promise<T> {
    return this.#lane.run(new AbortController().signal, work, "own");
  }

  async #runToEnd(plan: RunPlan, job: Job): Promise<void> {
    let stop: StopReason | undefined;
    try {
      stop = await this.#advance(plan, job);
    } catch (error) {
      // What the caller could have been told (a snapshot that doesn't fit) is a reason to stop, not a defect.
      if (!(error instanceof GrokboxError)) throw error;
      stop = this.#failure(error.message);
    } finally {
      this.#plan = undefined;
      stop ??= this.#failure("a defect ended the run");
      this.#settle(stop, stop.kind === "paused" ? "pause" : "complete");
    }
  }

  #failure(detail: string): StopReason {
    return { kind: "failed", detail, step: this.step };
  }

  /** After a Step: its answer, or the error that tells why it fell short. */
  #afterStep(stop: StopReason, signal: AbortSignal): ProgressPoint {
    this.#settle(stop, "stepped");
    switch (stop.kind) {
      case "diverged":
        throw new GrokboxError("DIVERGED", `${this.name}: ${stop.detail} (step ${stop.step})`, {
          session: this.name,
          step: stop.step,
        });
      case "cancelled":
        throw signal.aborted ? cancelled(signal) : this.#gone();
      case "shutdown":
        throw new GrokboxError("SHUTTING_DOWN", "the server is shutting down");
      default:
        return this.log.latest!;
    }
  }

  #settle(stop: StopReason, transition: Transition): void {
    this.#stopReason = stop;
    if (this.#state === "deleted") return;
    this.#transition(stop.kind === "diverged" ? "diverge" : transition);
  }
}

const interruption: Partial<Record<StopKind, string>> = {
  paused: "Pause was called",
  cancelled: "the call was cancelled or its deadline passed",
  shutdown: "the server shut down",
};
