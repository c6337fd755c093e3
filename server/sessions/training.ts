import type { Engine, TrainerState } from "../engine/engine.ts";
import { classCounts, pairClasses } from "../model/pair-class.ts";
import type { Activation, Spec } from "../model/spec.ts";
import type { StageTracker } from "../model/stages.ts";
import type { ClassCounts, Head } from "./head.ts";
import {
  dueAt,
  type MeasureSchedule,
  measuredASlice,
  needsBase,
  needsSpectra,
  needsWeights,
} from "./measure-schedule.ts";
import { type Measurer, spectralValues } from "./measurer.ts";
import { mostRecords } from "./plan.ts";
import type { ProgressLog, ProgressPoint } from "./progress-log.ts";
import { Recorder } from "./recorder.ts";
import { type Origin, RecoveringTrainer, type RecoveringTrainerParts } from "./recovering-trainer.ts";
import { measuredOf, type Slice, spectralOf } from "./slice.ts";
import type { Snapshot } from "./snapshot.ts";
import type { StepTime } from "./step-times.ts";

export interface TrainingParts extends RecoveringTrainerParts {
  readonly log: ProgressLog;
  readonly measurer: Measurer;
}

/**
 * A network in training: its trainer, its stages and its progress log; what training does to a session, with nothing of who asked. It
 * may sleep: then its weights are only in the store, and all that is known without them is here. Calls must not overlap; a session's
 * lane sees to that.
 *
 * When its device is lost the trainer makes the same updates again. What was recorded of them is here and stays, so that nobody who
 * looks on sees more than a pause.
 */
export class Training {
  readonly #parts: TrainingParts;
  readonly #recorder: Recorder;
  readonly #trainer: RecoveringTrainer;
  /** What the last slice brought, to be taken in while the next one is computed. */
  #uncollected: Slice | undefined;
  /** The taking in of what the slice before the last one brought. */
  #collecting: Promise<unknown> = Promise.resolve();
  #isStraight: boolean;
  #schedule: MeasureSchedule;

  private constructor(
    parts: TrainingParts,
    head: Pick<Head, "spec" | "step" | "counts" | "course" | "isStraight"> & Partial<Pick<Head, "stages">>,
    schedule: MeasureSchedule,
  ) {
    this.#parts = parts;
    this.#recorder = new Recorder(parts.log, head.counts, head.stages);
    this.#trainer = new RecoveringTrainer(parts, head);
    this.#isStraight = isStraight(head);
    this.#schedule = schedule;
  }

  /** Of given weights. Fails with DIVERGED when their loss is not finite. */
  static async open(
    parts: TrainingParts,
    spec: Spec,
    train: Uint8Array,
    state: TrainerState,
    schedule: MeasureSchedule,
  ): Promise<Training> {
    const counts = classCounts(pairClasses(train, spec.modulus));
    const { step } = state;
    const training = new Training(parts, { spec, step, counts, course: 0 }, schedule);
    await training.#trainer.goTo({ spec, train, state });
    training.#recorder.observe(step, training.#trainer.resident.trainer.current, 0);
    return training;
  }

  /** Asleep, at a state that is stored. */
  static asleep(parts: TrainingParts, head: Head, schedule: MeasureSchedule): Training {
    return new Training(parts, head, schedule);
  }

  /** Says whose it is by now, and how the state that was committed last can be had. */
  backBy(session: string, readCommitted: () => Promise<Origin>): void {
    this.#trainer.backBy(session, readCommitted);
  }

  /** What `forget` can be told of once the present state is committed. */
  get given(): Origin | undefined {
    return this.#trainer.given;
  }

  /** A state was committed while this was what the session had been given. */
  forget(given: Origin | undefined): void {
    this.#trainer.forget(given);
  }

  get isAwake(): boolean {
    return this.#trainer.isAwake;
  }

  /** Makes the network resident; `state` must be the one that it went to sleep with. */
  wake(committed: Pick<Snapshot, "state" | "train">): Promise<void> {
    return this.#trainer.wake(committed);
  }

  /** Frees what `wake` made resident. */
  sleep(): void {
    this.#trainer.sleep();
    this.#parts.measurer.rest();
  }

  /** Goes to another state of the same network, with what was known there. Fails with DIVERGED, changing nothing. */
  async restore(
    head: Pick<Head, "spec" | "stages" | "course" | "isStraight">,
    { state, train }: Pick<Snapshot, "state" | "train">,
  ): Promise<void> {
    await this.#trainer.goTo({ spec: head.spec, train, state });
    this.#parts.measurer.rest();
    this.#isStraight = isStraight(head);
    this.#recorder.rewind(head.stages);
  }

  get spec(): Spec {
    return this.#trainer.spec;
  }

  get step(): number {
    return this.#trainer.step;
  }

  /** Ordered pairs by class: common, rare, partner, held out. */
  get counts(): ClassCounts {
    return this.#recorder.counts;
  }

  get stages(): StageTracker {
    return this.#recorder.stages;
  }

  get log(): ProgressLog {
    return this.#recorder.log;
  }

  get engine(): Engine {
    return this.#trainer.engine;
  }

  /** How long its updates take. */
  get time(): StepTime {
    return this.#trainer.time;
  }

  /** Every update since the session began was made under the present activation. */
  get isStraight(): boolean {
    return this.#isStraight;
  }

  /** Which points carry which measures, of those that a schedule can name. */
  get schedule(): MeasureSchedule {
    return this.#schedule;
  }

  /** Points that a slice may record. */
  get mostRecords(): number {
    const { modulus, width } = this.spec;
    const copies = needsWeights(this.#schedule.map(({ measure }) => measure));
    return copies ? measuredASlice(modulus, width) : mostRecords;
  }

  /** Of the points from now on. */
  measure(schedule: MeasureSchedule): void {
    this.#schedule = schedule;
    if (!schedule.some(({ measure }) => needsBase(measure))) this.#parts.measurer.rest();
  }

  /** [p, p] mask of training pairs; while awake. */
  get train(): Uint8Array {
    return this.#trainer.resident.train;
  }

  /** Updates that were made are to be made again before anything else is done. */
  get isBehind(): boolean {
    return this.#trainer.isBehind;
  }

  /**
   * Makes lost updates again, at most so many, or fewer when `signal` aborts. Fails with DEVICE_LOST after several losses in a row.
   *
   * @param parts - of the device: others have the other parts meanwhile
   */
  catchUp(most: number, signal: AbortSignal, parts: number): Promise<void> {
    return this.#trainer.catchUp(most, signal, parts);
  }

  /**
   * Makes updates up to `until`, or fewer when `signal` aborts or the next state's loss would not be finite: then it answers that it
   * diverged. The states at those steps of `recordAt` that were reached will be recorded by the next `collect`. What the slice before
   * brought is taken in meanwhile; before anything else is asked, `caughtUp` must have resolved. It must not be behind.
   *
   * @param recordAt - increasing, each greater than the present step and at most `until`
   * @param parts - of the device: others have the other parts meanwhile
   * @returns undefined when the device was lost, and with it whatever was made
   */
  async advance(
    until: number,
    recordAt: readonly number[],
    signal: AbortSignal,
    parts: number,
  ): Promise<{ readonly diverged: boolean } | undefined> {
    const { problem } = this.#trainer.resident;
    const from = this.step;
    const began = performance.now();
    const records = recordAt.map((step) => ({ step, due: dueAt(this.#schedule, step) }));
    const measureAt = records.filter(({ due }) => needsSpectra(due)).map(({ step }) => step - from);
    const weightsAt = records.filter(({ due }) => needsWeights(due)).map(({ step }) => step - from);
    let elapsedMs = 0;
    const options = { signal, measureAt, weightsAt, cohort: parts };
    const working = this.#trainer.advance(until - from, options).finally(() => {
      elapsedMs = performance.now() - began;
    });
    // The engine works off this thread.
    this.#collecting = this.collect();
    this.#collecting.catch(() => {});
    const result = await working;
    if (result === undefined) return undefined;
    if (result.steps > 0) {
      this.#parts.observer.steps(this.engine.name, result.steps, elapsedMs / 1000);
      this.time.timed(elapsedMs / result.steps, parts);
    }
    this.#uncollected = { from, result, records, problem, isStraight: this.#isStraight };
    return { diverged: result.diverged };
  }

  /**
   * Resolves when what all slices but the last brought is taken in: training waits for its measures, rather than pile up weights. Fails
   * as the taking in did.
   */
  async caughtUp(): Promise<void> {
    const collecting = this.#collecting;
    this.#collecting = Promise.resolve();
    await collecting;
  }

  /** Takes in what the last slice brought; the last point that was recorded. */
  async collect(): Promise<ProgressPoint | undefined> {
    const slice = this.#uncollected;
    if (slice === undefined) return undefined;
    this.#uncollected = undefined;
    // A point is not to be seen without its measures, and one that has them not to wait.
    const { values, failure } = slice.records.some(({ due }) => needsWeights(due))
      ? await measuredOf(slice, this.#parts.measurer)
      : { values: spectralOf(slice), failure: undefined };
    const point = this.#recorder.takeIn(slice, values);
    if (failure !== undefined) throw failure;
    return point;
  }

  /** The progress point of the present state, recorded unless it is already. */
  async record(): Promise<ProgressPoint> {
    await this.collect();
    const { latest } = this.log;
    if (latest?.step === this.step) return latest;
    const due = dueAt(this.#schedule, this.step);
    const { spectral, weights, current, problem } = await this.#trainer.with(
      async ({ trainer, problem }) => ({
        spectral: needsSpectra(due) ? await trainer.measure() : undefined,
        weights: needsWeights(due) ? await trainer.readState() : undefined,
        current: trainer.current,
        problem,
      }),
    );
    const { step } = this;
    const values =
      weights === undefined
        ? spectralValues(due, spectral)
        : await this.#parts.measurer.measure(due, {
            theta: weights.theta,
            xi: weights.xi,
            step,
            problem,
            spectral,
            isStraight: this.#isStraight,
          });
    return this.#recorder.record(step, current, values);
  }

  /** Goes on under another activation, from the same weights and moments. Fails with DIVERGED, changing nothing. */
  async swap(activation: Activation): Promise<void> {
    await this.#trainer.become({ ...this.spec, activation });
    this.#isStraight = false;
  }

  /**
   * Goes on under another engine, from the same weights and moments; asleep or awake, it is awake afterwards. Fails, changing nothing,
   * with OUT_OF_MEMORY, with DIVERGED, and with DEVICE_LOST of either engine: a state that is committed can be had without the old one.
   *
   * @param committed - the state that is committed, of a network that is asleep
   */
  move(engine: Engine, committed?: Pick<Snapshot, "state" | "train">): Promise<void> {
    return this.#trainer.move(engine, committed);
  }

  readState(): Promise<TrainerState> {
    return this.#trainer.readState();
  }
}

/** Of the heads of earlier versions, a course that was left was one under another activation. */
const isStraight = (head: Pick<Head, "course" | "isStraight">) => head.isStraight ?? head.course === 0;
