import { type Drive, type Job, stepError } from "./drive.ts";
import { GrokboxError, invalid } from "./errors.ts";
import type { Keeper } from "./keeper.ts";
import { checkPlan, inOrder, type RunPlan } from "./plan.ts";
import type { ProgressLog, ProgressPoint } from "./progress-log.ts";
import type { Receipt } from "./receipt.ts";
import type { Answering } from "./snapshot-keeping.ts";
import type { Snapshots } from "./snapshots.ts";
import type { Standing } from "./standing.ts";
import type { StopKind, StopReason } from "./stop-reason.ts";
import type { Training } from "./training.ts";

export interface RunsParts {
  readonly name: string;
  /** Of Steps. */
  readonly recordEvery: number;
  readonly training: Training;
  readonly standing: Standing;
  readonly drive: Drive;
  readonly keeper: Keeper;
  readonly snapshots: Snapshots;
  /** Runs something on the log with all its retained points. */
  readonly withLog: <T>(work: (log: ProgressLog) => T) => Promise<T>;
  /** Makes the present state durable, if it isn't; takes its turn with the trainer. */
  readonly checkpoint: () => Promise<void>;
  /** Makes the present state durable, with the trainer to itself. */
  readonly commitPresent: () => Promise<void>;
  /** There is no Step or run that a trigger was still to end: it has come to rest, or another begins. */
  readonly rested: () => void;
  /** A run is about to have ended, `isForced` when it would not have without somebody's word. */
  readonly ending: (stop: StopReason, isForced: boolean) => void;
  readonly renewEpoch: () => Promise<void>;
  /** Points are made again that somebody may have seen. */
  readonly retraces: () => boolean;
  /** Takes what could not be stored for what it is, and writes down a defect. */
  readonly tolerate: (error: unknown) => void;
  readonly onDefect: (error: unknown) => void;
  /** Of a run that a new session begins with. */
  readonly plan?: RunPlan;
}

export interface StepRequest {
  readonly steps: number;
  readonly expectedStep: number | undefined;
  readonly receipt: Receipt;
}

/** How a run ends that was told to pause. */
const endsOfPause: ReadonlySet<StopReason["kind"]> = new Set(["paused", "failed", "shutdown"]);

/** The Steps and background runs of a session, from what is asked of them to what is stored of their end. */
export class Runs {
  readonly #parts: RunsParts;
  #plan: RunPlan | undefined;
  #endedPlan: RunPlan | undefined;
  /** Of the run that was to pause last. */
  #pausingPlan: RunPlan | undefined;
  /** Of those who wait for the run under way to pause. */
  #answerings: (() => void)[] = [];
  /** Of the run started last. */
  #rest: Promise<unknown> = Promise.resolve();

  constructor(parts: RunsParts) {
    this.#parts = parts;
    this.#plan = parts.plan;
  }

  /** The plan of the run under way, or of one that the server's end interrupted. */
  get plan(): RunPlan | undefined {
    return this.#plan;
  }

  /** That plan, if the next server is to go on with it. */
  get planToResume(): RunPlan | undefined {
    return this.#plan === this.#pausingPlan ? undefined : this.#plan;
  }

  /** The plan of a run that has ended and whose last state is not stored: the store still has it to do. */
  get endedPlan(): RunPlan | undefined {
    return this.#endedPlan;
  }

  /** A state was stored that was taken when this was the `endedPlan`. */
  stored(ended: RunPlan | undefined): void {
    if (this.#endedPlan === ended) this.#endedPlan = undefined;
  }

  /** Resolves when no run is under way, and the last state of the one before was stored, if it could be. */
  get atRest(): Promise<unknown> {
    return this.#rest;
  }

  /**
   * Advances by `steps`, or to the target that the receipt remembers of an earlier call with the same request id, and returns the
   * point reached. Cancelled, it keeps the steps made.
   */
  advanceBy({ steps, expectedStep, receipt }: StepRequest, signal: AbortSignal): Promise<ProgressPoint> {
    const { name, recordEvery, training, standing, drive, rested } = this.#parts;
    const { log } = training;
    const { memo } = receipt;
    return drive.inTurn(signal, async () => {
      // Who said where it is to begin goes on from where it came to, and from nowhere else.
      if (memo.target === undefined) standing.expect(expectedStep);
      else if (expectedStep !== undefined) standing.expect(memo.left);
      const target = memo.target ?? training.step + steps;
      if (!Number.isSafeInteger(target)) {
        throw invalid([
          {
            field: "steps",
            description: `must lead to at most step ${Number.MAX_SAFE_INTEGER}; got ${steps}`,
          },
        ]);
      }
      // All of it was done, and only the answer is lost.
      if (memo.target !== undefined && training.step >= target && log.latest !== undefined) return log.latest;
      standing.transition("step");
      if (memo.target === undefined) rested();
      receipt.isBoundToState = true;
      memo.target = target;
      // What is stored meanwhile is of a state on the way.
      delete memo.left;
      const plan: RunPlan = { untilStep: target, stopWhen: [], snapshotAt: [], recordAt: [], recordEvery };
      return drive.whileJob("step", signal, async (job) => {
        let stop: StopReason | undefined;
        try {
          stop = await drive.advance(plan, job);
        } catch (error) {
          if (error instanceof GrokboxError) stop = standing.failure(error.message, error.reason);
          throw error;
        } finally {
          memo.left = training.step;
          rested();
          // Whatever went wrong, the session must not be left stepping.
          standing.settle(stop ?? standing.failure("a defect ended the step"), "stepped");
        }
        const error = stepError(name, stop, signal);
        if (error !== undefined) throw error;
        return log.latest!;
      });
    });
  }

  /**
   * Starts a run in the background. Answers with the newest sequence before it. Fails with OUT_OF_MEMORY, changing nothing.
   *
   * @param asked - its lists in any order
   */
  async start(
    asked: RunPlan,
    expectedStep: number | undefined,
    signal: AbortSignal,
    answering: Answering<number> = () => {},
  ): Promise<number> {
    const { training, standing, drive, keeper, snapshots, rested, checkpoint, tolerate } = this.#parts;
    const { since, committed } = await drive.inTurn(signal, async () => {
      // What was done before it must be there when it goes on after a crash, for the same points to come again.
      await checkpoint();
      // Without memory for it a run would only begin to end as failed. One that is awake may be running, and is told so at once.
      if (!training.isAwake) await drive.own(async () => {});
      standing.expect(expectedStep);
      checkPlan(asked, training.step);
      const plan = inOrder(asked);
      snapshots.checkRoom(plan.snapshotAt);
      standing.transition("run");
      rested();
      const since = training.log.newest;
      this.#begin({ ...plan, since });
      answering(since);
      // A full disk is no reason not to train.
      return { since, committed: keeper.commit(undefined).catch(tolerate) };
    });
    await committed;
    return since;
  }

  /** Begins a run that the store has already. */
  resume(plan: RunPlan): void {
    this.#parts.standing.transition("run");
    this.#begin(plan);
  }

  /**
   * Stops the run under way and returns when it is at rest; does nothing when there is none.
   *
   * @param answering - is called at rest, before anybody else moves it, or at once where it does nothing
   */
  async pause(answering: () => void = () => {}): Promise<void> {
    const { standing, drive } = this.#parts;
    if (standing.state === "running") {
      this.#pausingPlan = this.#plan;
      this.#answerings.push(answering);
      await drive.end("paused");
    } else answering();
    if (standing.isDeleted) throw standing.gone();
  }

  #begin(plan: RunPlan): void {
    const { standing, drive, onDefect } = this.#parts;
    this.#plan = plan;
    standing.forgetStop();
    const background = new AbortController();
    this.#rest = drive
      .whileJob("run", background.signal, (job) => this.#toEnd(plan, job))
      .catch((error) => onDefect(error));
  }

  async #toEnd(plan: RunPlan, job: Job): Promise<void> {
    const { standing, drive, withLog, rested, ending } = this.#parts;
    let stop: StopReason | undefined;
    try {
      const since = (plan.since ?? 0) + 1;
      const before =
        plan.stopWhen.length === 0 ? [] : await withLog((log) => log.read(since, Number.MAX_SAFE_INTEGER));
      stop = await drive.advance(plan, job, before, (kind) => this.#beforeLast(plan, kind));
    } catch (error) {
      // What the caller could have been told (a snapshot that doesn't fit) is a reason to stop, not a defect.
      if (!(error instanceof GrokboxError)) throw error;
      stop = standing.failure(error.message, error.reason);
    } finally {
      stop ??= standing.failure("a defect ended the run");
      // What the end of the server interrupts stays planned, and goes on after it.
      const isForced = job.stop !== undefined;
      // Who said that it is to pause wants it to stay so, wherever it comes back.
      const isPaused = plan === this.#pausingPlan && endsOfPause.has(stop.kind);
      this.#endedPlan = isPaused ? undefined : plan;
      if (stop.kind !== "shutdown") {
        this.#plan = undefined;
        rested();
      }
      ending(stop, isForced);
      standing.settle(stop, stop.kind === "paused" ? "pause" : "complete");
      for (const answering of this.#answerings.splice(0)) answering();
      await this.#commitEnd();
    }
  }

  /**
   * Before the last point of a pause is seen, which a run that a crash lets go on would not have, the store must not have that run. Who saw what
   * a crash took saw no point where the server ends while it is made again: there is none then, and the next server goes on with what was seen.
   */
  async #beforeLast(plan: RunPlan, kind: StopKind): Promise<boolean> {
    const { keeper, renewEpoch, retraces, tolerate } = this.#parts;
    if (plan !== this.#pausingPlan) return kind !== "shutdown" || !retraces();
    try {
      await keeper.commit(undefined);
    } catch (error) {
      tolerate(error);
      await renewEpoch().catch(tolerate);
    }
    return true;
  }

  /** At the end of a run: its last state, or at least that it ended. */
  async #commitEnd(): Promise<void> {
    const { training, standing, drive, keeper, commitPresent, tolerate } = this.#parts;
    if (standing.isDeleted) return;
    try {
      if (training.isAwake) await drive.exclusively(commitPresent);
      else {
        await keeper.commit(undefined);
        if (keeper.committed?.step === training.step) this.#endedPlan = undefined;
      }
    } catch (error) {
      tolerate(error);
    }
  }
}
