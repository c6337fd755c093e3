import { cancelled, GrokboxError } from "./errors.ts";
import { Lane } from "./lane.ts";
import { isPlanned, nextStretch, type RunPlan } from "./plan.ts";
import type { ProgressPoint } from "./progress-log.ts";
import type { Scheduler, Urgency } from "./scheduler.ts";
import { StopWatch } from "./stop-conditions.ts";
import type { StopKind, StopReason } from "./stop-reason.ts";
import type { Training } from "./training.ts";
import type { Waypoints } from "./waypoints.ts";

/** A Step of up to this long goes ahead of background work. */
const interactiveMs = 40;

/**
 * With a step of up to this long on its part of the device a session may train in a cohort: longer ones would keep those who go ahead
 * waiting, and gain less, the larger the network.
 */
const longestSharedStepMs = 2;

export interface DriveParts {
  readonly name: string;
  readonly training: Training;
  /** Of its engine. */
  readonly scheduler: () => Scheduler;
  readonly maxQueuedCommands: number;
  readonly waypoints: Waypoints;
  /** Makes the trainer resident, before anybody uses it. */
  readonly wake: () => Promise<void>;
}

/** The job that advances the session: a Step call or a background run. */
export interface Job {
  readonly kind: "step" | "run";
  /** Set once: why the job is to end before its target. */
  stop: StopKind | undefined;
  readonly abort: AbortController;
  readonly ended: Promise<void>;
}

/**
 * Moves a session on. Steps and runs are jobs, one at a time; between the slices of a job everybody else gets a turn through the lane,
 * always at one whole step.
 */
export class Drive {
  readonly #parts: DriveParts;
  readonly #lane: Lane;
  readonly #jobs: Lane;
  #job: Job | undefined;
  /** Ends the slice under way early, for somebody who waits in the lane. */
  #hurry: AbortController | undefined;

  constructor(parts: DriveParts) {
    this.#parts = parts;
    this.#lane = new Lane(parts.name, parts.maxQueuedCommands);
    this.#jobs = new Lane(parts.name, parts.maxQueuedCommands);
  }

  /** A job is under way, or somebody waits for the trainer. */
  get busy(): boolean {
    return this.#job !== undefined || this.#lane.busy || this.#jobs.busy;
  }

  /** Runs `work` when no job is under way; it may begin one. */
  inTurn<T>(signal: AbortSignal, work: () => Promise<T>): Promise<T> {
    return this.#jobs.run(signal, work);
  }

  /** Runs `work` between slices, with the trainer awake and to itself. */
  between<T>(signal: AbortSignal, work: () => Promise<T>): Promise<T> {
    return this.asItIs(signal, async () => {
      await this.#parts.wake();
      return work();
    });
  }

  /** The same, whether the trainer is awake or not. */
  asItIs<T>(signal: AbortSignal, work: () => Promise<T>): Promise<T> {
    const turn = this.#lane.run(signal, work);
    this.#hurry?.abort("somebody waits between slices");
    return turn;
  }

  /** The same for the session's own work, which always gets its place. */
  own<T>(work: () => Promise<T>): Promise<T> {
    return this.#lane.run(
      never,
      async () => {
        await this.#parts.wake();
        return work();
      },
      "own",
    );
  }

  /** Runs `work` between slices, whatever state the trainer is in. */
  exclusively<T>(work: () => Promise<T>): Promise<T> {
    return this.#lane.run(never, work, "own");
  }

  /** Fails everybody who waits for a job, and then for the trainer, with `error`. */
  closeJobs(error: Error): void {
    this.#jobs.close(error);
  }

  closeLane(error: Error): void {
    this.#lane.close(error);
  }

  /** Ends the job under way for a reason and waits until it is at rest. */
  async end(kind: StopKind): Promise<void> {
    const job = this.#job;
    if (job === undefined) return;
    job.stop ??= kind;
    job.abort.abort();
    await job.ended;
  }

  /** Does a job; `signal` cancels it. */
  async whileJob<T>(kind: Job["kind"], signal: AbortSignal, work: (job: Job) => Promise<T>): Promise<T> {
    const { promise: ended, resolve } = Promise.withResolvers<void>();
    const job: Job = { kind, stop: undefined, abort: new AbortController(), ended };
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
      // While a run's last state is written, the next job may have begun.
      if (this.#job === job) this.#job = undefined;
      resolve();
      this.#parts.training.log.wake();
    }
  }

  /**
   * Trains until the plan, the job or a waypoint says stop. Afterwards the last point is of the state reached, unless there is to be none.
   *
   * @param before - points of the same run before it was interrupted, for its stop conditions
   * @param beforeLast - is done before the last point is recorded, and says whether it is to be
   */
  async advance(
    plan: RunPlan,
    job: Job,
    before: readonly ProgressPoint[] = [],
    beforeLast: (stop: StopKind) => Promise<boolean> = async () => true,
  ): Promise<StopReason> {
    const { training, waypoints } = this.#parts;
    const watch = new StopWatch(plan.stopWhen);
    let held: string | undefined;
    for (const point of before) if (isPlanned(plan, point.step, waypoints)) held = watch.observe(point);
    // What a crash has kept from being done here comes first.
    const left = waypoints.isBehind ? await this.own(() => waypoints.finish()) : undefined;
    for (;;) {
      const stop =
        held === undefined
          ? (left ?? (await this.#stopOrSlice(plan, job, watch)))
          : ({ kind: "condition", detail: held } as const);
      if (stop === undefined) continue;
      const isRecorded = await beforeLast(stop.kind);
      try {
        if (isRecorded) await this.exclusively(async () => training.isAwake && training.record());
      } catch (error) {
        // The next server does what a device that is gone keeps this one from.
        if (stop.kind !== "shutdown" || !(error instanceof GrokboxError)) throw error;
      }
      return { ...stop, step: training.step };
    }
  }

  /** Why training is to stop now; nothing when it went on by a slice. */
  async #stopOrSlice(
    plan: RunPlan,
    job: Job,
    watch: StopWatch,
  ): Promise<Omit<StopReason, "step"> | undefined> {
    const { training } = this.#parts;
    const interrupted = () => {
      const kind = job.stop ?? "cancelled";
      return { kind, detail: interruption[kind] ?? "" };
    };
    if (job.stop !== undefined) return interrupted();
    const target = plan.untilStep ?? Number.POSITIVE_INFINITY;
    if (training.step >= target) return { kind: "target", detail: `reached step ${target}` };
    const { activation } = training.spec;
    try {
      const { diverged, point, reason } = await this.#slice(
        plan,
        this.#urgency(job, target),
        job.abort.signal,
      );
      // Whoever waits goes first: somebody who swaps the activation sees to it that training can go on.
      if (diverged) await this.exclusively(async () => {});
      if (diverged && training.spec.activation === activation) {
        return {
          kind: "diverged",
          detail: `the loss of step ${training.step + 1} is not finite; this is the last good state`,
        };
      }
      const holds = point === undefined ? undefined : watch.observe(point);
      return holds === undefined ? reason : { kind: "condition", detail: holds };
    } catch (error) {
      if (job.stop !== undefined && error instanceof GrokboxError) return interrupted();
      throw error;
    }
  }

  /** A Step goes ahead of background work when it is short. */
  #urgency(job: Job, target: number): Urgency {
    const { training } = this.#parts;
    const short = training.time.expectedMs(target - training.step) <= interactiveMs;
    return job.kind === "step" && short ? "interactive" : "background";
  }

  /**
   * One slice of a plan, in turn with everybody else's, or beside others on a part of the device, when that is enough for this network;
   * and what is to be done at its end, before anybody else has the trainer.
   */
  #slice(plan: RunPlan, urgency: Urgency, signal: AbortSignal) {
    const { training, scheduler, waypoints, wake } = this.#parts;
    const turn = async () => {
      await wake();
      // Unless something may have to be done at it, the last point is taken in while the next slice is computed; else at once, before
      // anybody else takes it in.
      const looks = plan.stopWhen.length > 0 || waypoints.looksAtRecords;
      const slice = async (preempt: AbortSignal, mostMs: number, parts: number) => {
        const hurry = new AbortController();
        const forward = () => hurry.abort(preempt.reason);
        preempt.addEventListener("abort", forward);
        this.#hurry = hurry;
        const steps = training.time.stepsIn(mostMs, parts);
        try {
          if (training.isBehind) {
            await training.catchUp(steps, hurry.signal, parts);
            return undefined;
          }
          const { until, recordAt } = nextStretch(
            plan,
            training.step,
            steps,
            waypoints,
            training.mostRecords,
          );
          return await training.advance(until, recordAt, hurry.signal, parts);
        } finally {
          this.#hurry = undefined;
          preempt.removeEventListener("abort", forward);
        }
      };
      const sharer = training.time.sharedMs <= longestSharedStepMs ? this : undefined;
      const advanced = scheduler().turn(urgency, signal, slice, sharer);
      // Others have the device while measures are taken; both must have ended before the trainer is let go of, whichever fails.
      await advanced.catch(() => {});
      await training.caughtUp();
      const made = await advanced;
      // Its device was lost, or it makes again what that undid: where it is there is nothing new to be done.
      if (made === undefined) return { diverged: false, point: undefined, reason: undefined };
      const { diverged } = made;
      const point = looks ? await training.collect() : undefined;
      return { diverged, point, reason: await waypoints.reached(plan, point) };
    };
    return this.#lane.run(signal, turn, "own");
  }
}

/** Why a Step fell short, as the error that its caller gets. */
export function stepError(name: string, stop: StopReason, signal: AbortSignal): GrokboxError | undefined {
  switch (stop.kind) {
    case "diverged":
      return new GrokboxError("DIVERGED", `${name}: ${stop.detail} (step ${stop.step})`, {
        session: name,
        step: stop.step,
      });
    case "cancelled":
      return signal.aborted
        ? cancelled(signal)
        : new GrokboxError("SESSION_DELETED", `${name} was deleted`, { session: name });
    case "shutdown":
      return new GrokboxError("SHUTTING_DOWN", "the server is shutting down");
    default:
      return undefined;
  }
}

const never = new AbortController().signal;

const interruption: Partial<Record<StopKind, string>> = {
  paused: "Pause was called",
  cancelled: "the call was cancelled or its deadline passed",
  shutdown: "the server shut down",
};
