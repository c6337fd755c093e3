import type { Advance, Engine, Trace, TrainerState } from "../engine/engine.ts";
import { DeviceLostError } from "../engine/errors.ts";
import { classCounts, pairClasses } from "../model/pair-class.ts";
import type { Activation, Spec } from "../model/spec.ts";
import { StageTracker } from "../model/stages.ts";
import { type Awake, openTrainer } from "./awake.ts";
import { GrokboxError } from "./errors.ts";
import type { ClassCounts, Head } from "./head.ts";
import {
  dueAt,
  type MeasureSchedule,
  measuredASlice,
  needsBase,
  needsSpectra,
  needsWeights,
  type ScheduledValues,
} from "./measure-schedule.ts";
import { type Measurer, spectralValues } from "./measurer.ts";
import type { Observer } from "./observer.ts";
import { mostRecords } from "./plan.ts";
import type { ProgressLog, ProgressPoint } from "./progress-log.ts";
import { measuredOf, type Slice, spectralOf } from "./slice.ts";
import { bytesOfSpec, type Snapshot } from "./snapshot.ts";
import type { StepTime, StepTimes } from "./step-times.ts";

/**
 * After so many losses of the device in a row, without an update between them, whoever waits for one is told; and after as many of
 * updates that were to be new, without a new one between them: they may be what it does not stand.
 */
const mostLosses = 3;

/** Of updates that are made again at once, milliseconds. */
const catchUpMs = 20;

/** Of the time of updates that are made again, what goes into keeping copies of their states. */
const largestCopyShare = 0.05;

/** A state from which a lost one can be made again: the one committed last, or a later one that the session was given. */
export interface Origin extends Pick<Snapshot, "state" | "train"> {
  readonly spec: Spec;
}

export interface TrainingParts {
  /** Where it begins; `move` changes it. */
  readonly engine: Engine;
  readonly log: ProgressLog;
  readonly observer: Observer;
  readonly measurer: Measurer;
  readonly stepTimes: StepTimes;
}

/**
 * A network in training: its trainer, its stages and its progress log; what training does to a session, with nothing of who asked. It
 * may sleep: then its weights are only in the store, and all that is known without them is here. Calls must not overlap; a session's
 * lane sees to that.
 *
 * When its device is lost only weights are: it goes back to its origin with a new trainer, and makes the same updates again, to the same
 * bits, up to where it was. What was recorded of them is here and stays, so that nobody who looks on sees more than a pause.
 */
export class Training {
  readonly #parts: TrainingParts;
  readonly counts: ClassCounts;
  #stages: StageTracker;
  #spec: Spec;
  #step: number;
  #engine: Engine;
  #stepTime: { readonly spec: Spec; readonly engine: Engine; readonly time: StepTime } | undefined;
  #awake: Awake | undefined;
  /** The device of the trainer that there is, is gone. */
  #isLost = false;
  /** Losses of the device since an update was made, and since something new was done. */
  readonly #losses = { sinceAny: 0, sinceNew: 0 };
  #readCommitted: () => Promise<Origin> = () => Promise.reject(new Error("nothing was committed"));
  /** A state that is not committed, or was not when it was left: what the session began with or went to, or one on its way back. */
  #given: Origin | undefined;
  /** Spent on updates that were made again since a copy of their state was kept, and what that took, milliseconds. */
  #onTheWayMs = 0;
  #copyMs = 0;
  /** What the last slice brought, to be taken in while the next one is computed. */
  #uncollected: Slice | undefined;
  /** The taking in of what the slice before the last one brought. */
  #collecting: Promise<unknown> = Promise.resolve();
  #isStraight: boolean;
  #schedule: MeasureSchedule;

  private constructor(
    parts: TrainingParts,
    head: Pick<Head, "spec" | "step" | "counts" | "course" | "isStraight">,
    schedule: MeasureSchedule,
    stages: StageTracker,
  ) {
    this.#parts = parts;
    this.#engine = parts.engine;
    this.#spec = head.spec;
    this.#step = head.step;
    this.#isStraight = isStraight(head);
    this.#schedule = schedule;
    this.counts = head.counts;
    this.#stages = stages;
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
    const tracker = new StageTracker(hasTestSet(counts));
    const training = new Training(parts, { spec, step: state.step, counts, course: 0 }, schedule, tracker);
    const awake = await training.#open(spec, train, state);
    training.#begin(awake, { spec, train, state });
    training.#observe(state.step, awake.trainer.current, 0);
    return training;
  }

  /** Asleep, at a state that is stored. */
  static asleep(parts: TrainingParts, head: Head, schedule: MeasureSchedule): Training {
    return new Training(parts, head, schedule, new StageTracker(hasTestSet(head.counts), head.stages));
  }

  /** Says how the state that was committed last can be had. */
  backBy(readCommitted: () => Promise<Origin>): void {
    this.#readCommitted = readCommitted;
  }

  /** What `forget` can be told of once the present state is committed. */
  get given(): Origin | undefined {
    return this.#given;
  }

  /** A state was committed while this was what the session had been given. */
  forget(given: Origin | undefined): void {
    if (this.#given === given) this.#given = undefined;
  }

  get isAwake(): boolean {
    return this.#awake !== undefined;
  }

  /** Makes the network resident; `state` must be the one that it went to sleep with. */
  async wake({ state, train }: Pick<Snapshot, "state" | "train">): Promise<void> {
    this.#awake ??= await this.#open(this.#spec, train, state);
  }

  /** Frees what `wake` made resident. */
  sleep(): void {
    this.#awake?.trainer.close();
    this.#awake = undefined;
    this.#isLost = false;
    this.#given = undefined;
    this.#parts.measurer.rest();
  }

  /** Goes to another state of the same network, with what was known there. Fails with DIVERGED, changing nothing. */
  async restore(
    head: Pick<Head, "spec" | "stages" | "course" | "isStraight">,
    { state, train }: Pick<Snapshot, "state" | "train">,
  ): Promise<void> {
    const { spec } = head;
    const awake = await this.#open(spec, train, state);
    this.sleep();
    this.#begin(awake, { spec, train, state });
    this.#isStraight = isStraight(head);
    this.#stages = new StageTracker(hasTestSet(this.counts), head.stages);
  }

  get spec(): Spec {
    return this.#spec;
  }

  get step(): number {
    return this.#step;
  }

  get stages(): StageTracker {
    return this.#stages;
  }

  get log(): ProgressLog {
    return this.#parts.log;
  }

  get engine(): Engine {
    return this.#engine;
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
    const { modulus, width } = this.#spec;
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
    return this.#resident.train;
  }

  get #resident(): Awake {
    if (this.#awake === undefined) throw new Error("the trainer is asleep");
    return this.#awake;
  }

  /** What decides how many steps make a slice; looked up again when the network or the engine is another. */
  get #stepMs(): StepTime {
    const known = this.#stepTime;
    if (known?.spec === this.#spec && known.engine === this.#engine) return known.time;
    const time = this.#parts.stepTimes.of(this.#engine.name, this.#spec);
    this.#stepTime = { spec: this.#spec, engine: this.#engine, time };
    return time;
  }

  /** Expected duration of `steps` updates with the device to itself, from those made so far. */
  expectedMs(steps: number): number {
    return steps * (this.#stepMs.alone ?? 0);
  }

  /** Expected duration of an update beside others; infinite until a first update was timed. */
  get sharedStepMs(): number {
    const { alone, shared } = this.#stepMs;
    return shared ?? (alone === undefined ? Number.POSITIVE_INFINITY : 2 * alone);
  }

  /**
   * Updates that take about so long, at least 1; 1 until a first update was timed.
   *
   * @param parts - of the device, of which there is one for them
   */
  stepsIn(milliseconds: number, parts: number): number {
    const { alone, shared } = this.#stepMs;
    const stepMs = parts === 1 ? alone : (shared ?? (alone && alone * parts));
    return stepMs === undefined ? 1 : Math.max(1, Math.floor(milliseconds / stepMs));
  }

  #timed(stepMs: number, parts: number): void {
    const times = this.#stepMs;
    const mean = (before: number | undefined) =>
      before === undefined ? stepMs : 0.8 * before + 0.2 * stepMs;
    if (parts > 1) {
      times.shared = mean(times.shared);
    } else {
      times.alone = mean(times.alone);
      // So that one bad moment in a cohort doesn't keep it out of all others.
      if (times.shared !== undefined) times.shared = Math.min(times.shared, times.alone * this.engine.parts);
    }
  }

  /** Updates that were made are to be made again before anything else is done. */
  get isBehind(): boolean {
    return this.#awake !== undefined && (this.#isLost || this.#awake.trainer.step < this.#step);
  }

  /**
   * Makes lost updates again, at most so many, or fewer when `signal` aborts. Fails with DEVICE_LOST after several losses in a row.
   *
   * @param parts - of the device: others have the other parts meanwhile
   */
  async catchUp(most: number, signal: AbortSignal, parts: number): Promise<void> {
    const began = performance.now();
    try {
      if (this.#isLost) {
        const { spec, train, state } = this.#given ?? (await this.#readCommitted());
        this.#awake = await openTrainer(this.#engine, spec, train, state);
        this.#isLost = false;
      }
      const { trainer } = this.#resident;
      const steps = Math.min(most, this.#step - trainer.step);
      if (steps === 0) return;
      const { diverged, steps: made } = await trainer.advance(steps, { signal, cohort: parts });
      // They were finite, all of them.
      if (diverged) throw new Error(`${this.#engine.name} made other bits of the same updates`);
      if (made > 0) this.#losses.sinceAny = 0;
      if (trainer.step < this.#step) await this.#keepOnTheWay(performance.now() - began);
    } catch (error) {
      this.#lose(error, "again");
    }
  }

  /** So that the next loss does not undo it all: else a device that is lost often would never let a session catch up. */
  async #keepOnTheWay(elapsedMs: number): Promise<void> {
    this.#onTheWayMs += elapsedMs;
    if (this.#onTheWayMs < this.#copyMs / largestCopyShare) return;
    const { trainer, train } = this.#resident;
    const began = performance.now();
    this.#given = { spec: this.#spec, train, state: await trainer.readState() };
    this.#copyMs = performance.now() - began;
    this.#onTheWayMs = 0;
  }

  /** Does something with the trainer, which is at `step`; again, with another one, when its device is lost meanwhile. */
  async #with<T>(work: (awake: Awake) => Promise<T>): Promise<T> {
    for (;;) {
      while (this.isBehind) await this.catchUp(this.stepsIn(catchUpMs, 1), never, 1);
      try {
        const result = await work(this.#resident);
        this.#works();
        return result;
      } catch (error) {
        this.#lose(error, "new");
      }
    }
  }

  /** A trainer on the present engine. */
  async #open(spec: Spec, train: Uint8Array, state: TrainerState): Promise<Awake> {
    for (;;) {
      try {
        return await openTrainer(this.#engine, spec, train, state);
      } catch (error) {
        this.#lose(error, "new");
      }
    }
  }

  /** The session is where it was told to be. */
  #begin(awake: Awake, given: Origin): void {
    this.#awake = awake;
    this.#isLost = false;
    this.#given = given;
    this.#spec = given.spec;
    this.#step = given.state.step;
  }

  /** The device does what it is asked. */
  #works(): void {
    this.#losses.sinceAny = this.#losses.sinceNew = 0;
  }

  /**
   * Passes on what is no loss of the device, and DEVICE_LOST after too many.
   *
   * @param work - what was lost: something that had been done before, or not
   */
  #lose(error: unknown, work: "again" | "new"): void {
    if (!(error instanceof DeviceLostError)) throw error;
    this.#parts.observer.deviceLost(this.#engine.name, error);
    if (this.#awake !== undefined) {
      this.#awake.trainer.close();
      this.#isLost = true;
    }
    this.#losses.sinceAny += 1;
    if (work === "new") this.#losses.sinceNew += 1;
    if (Math.max(this.#losses.sinceAny, this.#losses.sinceNew) < mostLosses) return;
    this.#works();
    throw deviceLost(this.#engine, error);
  }

  /**
   * Makes updates up to `until`, or fewer when `signal` aborts or the next state's loss would not be finite: then it answers that it
   * diverged. The states at those steps of `recordAt` that were reached will be recorded by the next `collect`. What the slice before
   * brought is taken in meanwhile; before anything else is asked, `caughtUp` must have resolved.
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
    const { trainer, problem } = this.#resident;
    const from = trainer.step;
    const began = performance.now();
    const records = recordAt.map((step) => ({ step, due: dueAt(this.#schedule, step) }));
    const measureAt = records.filter(({ due }) => needsSpectra(due)).map(({ step }) => step - from);
    const weightsAt = records.filter(({ due }) => needsWeights(due)).map(({ step }) => step - from);
    let elapsedMs = 0;
    const options = { signal, measureAt, weightsAt, cohort: parts };
    const working = trainer.advance(until - from, options).finally(() => {
      elapsedMs = performance.now() - began;
    });
    // The engine works off this thread.
    this.#collecting = this.collect();
    this.#collecting.catch(() => {});
    let result: Advance;
    try {
      result = await working;
    } catch (error) {
      // What else fails may have made updates before.
      if (!(error instanceof DeviceLostError)) this.#step = trainer.step;
      this.#lose(error, "new");
      return undefined;
    }
    this.#step = trainer.step;
    if (result.steps > 0) {
      this.#works();
      this.#parts.observer.steps(this.#engine.name, result.steps, elapsedMs / 1000);
      this.#timed(elapsedMs / result.steps, parts);
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
    const point = this.#takeIn(slice, values);
    if (failure !== undefined) throw failure;
    return point;
  }

  /** @param values - of those records that were reached */
  #takeIn({ from, result, records }: Slice, values: readonly ScheduledValues[]): ProgressPoint | undefined {
    const { log } = this.#parts;
    const { trace } = result;
    let row = 0;
    for (const [i, carried] of values.entries()) {
      const { step } = records[i]!;
      for (; from + row < step; row++) this.#observe(from + row + 1, trace, row);
      this.#record(step, trace, row - 1, carried);
    }
    for (; row < result.steps; row++) this.#observe(from + row + 1, trace, row);
    if (values.length === 0) return undefined;
    log.tell();
    return log.latest;
  }

  /** The progress point of the present state, recorded unless it is already. */
  async record(): Promise<ProgressPoint> {
    await this.collect();
    const { latest } = this.#parts.log;
    if (latest?.step === this.step) return latest;
    const due = dueAt(this.#schedule, this.step);
    const { spectral, weights, current, problem } = await this.#with(async ({ trainer, problem }) => ({
      spectral: needsSpectra(due) ? await trainer.measure() : undefined,
      weights: needsWeights(due) ? await trainer.readState() : undefined,
      current: trainer.current,
      problem,
    }));
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
    this.#record(step, current, 0, values);
    this.#parts.log.tell();
    return this.#parts.log.latest!;
  }

  /** Goes on under another activation, from the same weights and moments. Fails with DIVERGED, changing nothing. */
  async swap(activation: Activation): Promise<void> {
    await this.#with(async ({ trainer, train }) => {
      const spec = { ...this.#spec, activation };
      const state = await trainer.readState();
      const awake = await openTrainer(this.#engine, spec, train, state);
      trainer.close();
      this.#begin(awake, { spec, train, state });
    });
    this.#isStraight = false;
  }

  /**
   * Goes on under another engine, from the same weights and moments; asleep or awake, it is awake afterwards. Fails, changing nothing,
   * with OUT_OF_MEMORY, with DIVERGED, and with DEVICE_LOST of either engine: a state that is committed can be had without the old one.
   *
   * @param committed - the state that is committed, of a network that is asleep
   */
  async move(engine: Engine, committed?: Pick<Snapshot, "state" | "train">): Promise<void> {
    const { state, train } = committed ?? (await this.#present());
    let awake: Awake;
    try {
      awake = await openTrainer(engine, this.#spec, train, state);
    } catch (error) {
      throw error instanceof DeviceLostError ? deviceLost(engine, error) : error;
    }
    this.#awake?.trainer.close();
    this.#engine = engine;
    this.#works();
    this.#begin(awake, { spec: this.#spec, train, state });
  }

  async #present(): Promise<Pick<Snapshot, "state" | "train">> {
    if (this.#isLost) {
      const origin = this.#given ?? (await this.#readCommitted());
      if (origin.state.step === this.#step) return origin;
    }
    return { state: await this.readState(), train: this.train };
  }

  /** Of a copy of the state. */
  get stateBytes(): number {
    return bytesOfSpec(this.#spec);
  }

  readState(): Promise<TrainerState> {
    return this.#with(({ trainer }) => trainer.readState());
  }

  #observe(step: number, trace: Trace, row: number): void {
    const right = trace.correctCommon[row]! + trace.correctRare[row]!;
    this.#stages.observe(step, right / (this.counts[0] + this.counts[1]), trace.parameterNorm[row]!);
  }

  #record(step: number, trace: Trace, row: number, carried: ScheduledValues): void {
    const { ipr = Number.NaN, meanAbsSinMisalignment = Number.NaN } = carried;
    const [common, rare, partner, heldOut] = this.counts;
    const rightCommon = trace.correctCommon[row]!;
    const rightRare = trace.correctRare[row]!;
    const rightPartner = trace.correctPartner[row]!;
    const rightHeldOut = trace.correctHeldOut[row]!;
    // Of an empty class, NaN.
    const values = [
      finite(trace.trainLoss[row]!),
      finite(trace.testLoss[row]!),
      (rightCommon + rightRare) / (common + rare),
      (rightPartner + rightHeldOut) / (partner + heldOut),
      rightCommon / common,
      rightRare / rare,
      rightPartner / partner,
      rightHeldOut / heldOut,
      ipr,
      meanAbsSinMisalignment,
      trace.parameterNorm[row]!,
      trace.gradientNorm[row]!,
    ];
    this.#parts.log.put(step, this.#stages.stage(), values, carried);
  }
}

const never = new AbortController().signal;

function deviceLost({ name }: Engine, { message }: DeviceLostError): GrokboxError {
  return new GrokboxError("DEVICE_LOST", `the device of engine ${name} is lost: ${message}`, {
    engine: name,
  });
}

/** Of the heads of earlier versions, a course that was left was one under another activation. */
const isStraight = (head: Pick<Head, "course" | "isStraight">) => head.isStraight ?? head.course === 0;

const hasTestSet = ([, , partner, heldOut]: ClassCounts) => partner + heldOut > 0;

const finite = (value: number) => (Number.isFinite(value) ? value : Number.NaN);
