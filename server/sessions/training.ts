import type { Engine, Trace, TrainerState } from "../engine/engine.ts";
import { classCounts } from "../model/pair-class.ts";
import type { Activation, Spec } from "../model/spec.ts";
import type { SpectralMeasures } from "../model/spectral-measures.ts";
import { StageTracker } from "../model/stages.ts";
import { type Awake, openTrainer } from "./awake.ts";
import {
  dueAt,
  type ExtraValues,
  type MeasureSchedule,
  measuredASlice,
  needsBase,
} from "./extra-measures.ts";
import type { ClassCounts, Head } from "./head.ts";
import { type Measurer, needsWeights } from "./measurer.ts";
import type { Observer } from "./observer.ts";
import { mostRecords } from "./plan.ts";
import type { ProgressLog, ProgressPoint } from "./progress-log.ts";
import { extrasOf, noWeights, type Slice } from "./slice.ts";
import type { Snapshot } from "./snapshot.ts";
import type { StepTime, StepTimes } from "./step-times.ts";

export interface TrainingParts {
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
 */
export class Training {
  readonly #parts: TrainingParts;
  readonly counts: ClassCounts;
  #stages: StageTracker;
  #spec: Spec;
  #step: number;
  #awake: Awake | undefined;
  /** What the last slice brought, to be taken in while the next one is computed. */
  #uncollected: Slice | undefined;
  /** The taking in of what the slice before the last one brought. */
  #collecting: Promise<unknown> = Promise.resolve();
  /** Every update since the session began was made under the present activation. */
  #isStraight: boolean;
  #schedule: MeasureSchedule;

  private constructor(
    parts: TrainingParts,
    head: Pick<Head, "spec" | "step" | "counts" | "course">,
    schedule: MeasureSchedule,
    stages: StageTracker,
  ) {
    this.#parts = parts;
    this.#spec = head.spec;
    this.#step = head.step;
    this.#isStraight = head.course === 0;
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
    const awake = await openTrainer(parts.engine, spec, train, state);
    const counts = classCounts(awake.problem.classes);
    const tracker = new StageTracker(hasTestSet(counts));
    const training = new Training(parts, { spec, step: state.step, counts, course: 0 }, schedule, tracker);
    training.#awake = awake;
    training.#observe(state.step, awake.trainer.current, 0);
    return training;
  }

  /** Asleep, at a state that is stored. */
  static asleep(parts: TrainingParts, head: Head, schedule: MeasureSchedule): Training {
    return new Training(parts, head, schedule, new StageTracker(hasTestSet(head.counts), head.stages));
  }

  get isAwake(): boolean {
    return this.#awake !== undefined;
  }

  /** Makes the network resident; `state` must be the one that it went to sleep with. */
  async wake({ state, train }: Pick<Snapshot, "state" | "train">): Promise<void> {
    this.#awake ??= await openTrainer(this.#parts.engine, this.#spec, train, state);
  }

  /** Frees what `wake` made resident. */
  sleep(): void {
    this.#awake?.trainer.close();
    this.#awake = undefined;
    this.#parts.measurer.rest();
  }

  /** Goes to another state of the same network, with what was known there. Fails with DIVERGED, changing nothing. */
  async restore(
    head: Pick<Head, "spec" | "stages" | "course">,
    { state, train }: Pick<Snapshot, "state" | "train">,
  ): Promise<void> {
    const awake = await openTrainer(this.#parts.engine, head.spec, train, state);
    this.sleep();
    this.#awake = awake;
    this.#spec = head.spec;
    this.#step = state.step;
    this.#isStraight = head.course === 0;
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
    return this.#parts.engine;
  }

  /** Which points carry which extra measures. */
  get schedule(): MeasureSchedule {
    return this.#schedule;
  }

  /** Points that a slice may record. */
  get mostRecords(): number {
    const { modulus, width } = this.#spec;
    return this.#schedule.length === 0 ? mostRecords : measuredASlice(modulus, width);
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

  /** What decides how many steps make a slice. */
  get #stepMs(): StepTime {
    return this.#parts.stepTimes.of(this.#parts.engine.name, this.#spec);
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
      if (times.shared !== undefined)
        times.shared = Math.min(times.shared, times.alone * this.engine.threads);
    }
  }

  /**
   * Makes updates up to `until`, or fewer when `signal` aborts or the next state's loss would not be finite: then it answers that it
   * diverged. The states at those steps of `recordAt` that were reached will be recorded by the next `collect`. What the slice before
   * brought is taken in meanwhile; before anything else is asked, `caughtUp` must have resolved.
   *
   * @param recordAt - increasing, each greater than the present step and at most `until`
   * @param parts - of the device: others have the other parts meanwhile
   */
  async advance(
    until: number,
    recordAt: readonly number[],
    signal: AbortSignal,
    parts: number,
  ): Promise<{ readonly diverged: boolean }> {
    const { trainer, problem } = this.#resident;
    const from = trainer.step;
    const began = performance.now();
    const due = recordAt.map((step) => dueAt(this.#schedule, step));
    const measureAt = recordAt.map((step) => step - from);
    const weightsAt = measureAt.filter((_, i) => needsWeights(due[i]!));
    let elapsedMs = 0;
    const options = { signal, measureAt, weightsAt, cohort: parts };
    const working = trainer.advance(until - from, options).finally(() => {
      elapsedMs = performance.now() - began;
      // What fails may have made updates before.
      this.#step = trainer.step;
    });
    // The engine works off this thread.
    this.#collecting = this.collect();
    this.#collecting.catch(() => {});
    const result = await working;
    if (result.steps > 0) {
      this.#parts.observer.steps(this.#parts.engine.name, result.steps, elapsedMs / 1000);
      this.#timed(elapsedMs / result.steps, parts);
    }
    this.#uncollected = { from, result, recordAt, due, problem, isStraight: this.#isStraight };
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
    // A point is not to be seen without its measures, and one without any not to wait.
    const { extras, failure } = slice.due.some((due) => due.length > 0)
      ? await extrasOf(slice, this.#parts.measurer)
      : { extras: [], failure: undefined };
    const point = this.#takeIn(slice, extras);
    if (failure !== undefined) throw failure;
    return point;
  }

  #takeIn({ from, result, recordAt }: Slice, extras: readonly ExtraValues[]): ProgressPoint | undefined {
    const { trace, measures } = result;
    let point: ProgressPoint | undefined;
    let row = 0;
    for (const [i, measured] of measures.entries()) {
      for (; from + row < recordAt[i]!; row++) this.#observe(from + row + 1, trace, row);
      point = this.#record(recordAt[i]!, trace, row - 1, measured, extras[i]);
    }
    for (; row < result.steps; row++) this.#observe(from + row + 1, trace, row);
    return point;
  }

  /** The progress point of the present state, recorded unless it is already. */
  async record(): Promise<ProgressPoint> {
    await this.collect();
    const { latest } = this.#parts.log;
    if (latest?.step === this.step) return latest;
    const { trainer, problem } = this.#resident;
    const spectral = await trainer.measure();
    const due = dueAt(this.#schedule, this.step);
    const { theta, xi } = needsWeights(due) ? await trainer.readState() : noWeights;
    const state = { theta, xi, problem, spectral, isStraight: this.#isStraight, step: this.step };
    const extras = due.length === 0 ? {} : await this.#parts.measurer.measure(due, state);
    return this.#record(this.step, trainer.current, 0, spectral, extras);
  }

  /** Goes on under another activation, from the same weights and moments. Fails with DIVERGED, changing nothing. */
  async swap(activation: Activation): Promise<void> {
    const { trainer, train } = this.#resident;
    const spec = { ...this.#spec, activation };
    const awake = await openTrainer(this.#parts.engine, spec, train, await trainer.readState());
    trainer.close();
    this.#awake = awake;
    this.#spec = spec;
    this.#isStraight = false;
  }

  /** Of a copy of the state. */
  get stateBytes(): number {
    const arrays = this.#spec.optimizer.kind === "adamw" ? 6 : 2;
    return arrays * this.#spec.modulus * this.#spec.width * Float32Array.BYTES_PER_ELEMENT;
  }

  readState(): Promise<TrainerState> {
    return this.#resident.trainer.readState();
  }

  #observe(step: number, trace: Trace, row: number): void {
    const right = trace.correctCommon[row]! + trace.correctRare[row]!;
    this.#stages.observe(step, right / (this.counts[0] + this.counts[1]), trace.parameterNorm[row]!);
  }

  #record(
    step: number,
    trace: Trace,
    row: number,
    measures: SpectralMeasures,
    extras: ExtraValues = {},
  ): ProgressPoint {
    const { ipr, meanAbsSinMisalignment } = measures;
    const stage = this.#stages.stage();
    return this.#parts.log.append({
      step,
      ...present({ trainLoss: finite(trace.trainLoss[row]!), testLoss: finite(trace.testLoss[row]!) }),
      ...this.#accuracies(trace, row),
      ...present({ ipr, meanAbsSinMisalignment, stage }),
      parameterNorm: trace.parameterNorm[row]!,
      gradientNorm: trace.gradientNorm[row]!,
      ...extras,
    });
  }

  #accuracies(trace: Trace, row: number) {
    const [common, rare, partner, heldOut] = this.counts;
    const right = [
      trace.correctCommon[row]!,
      trace.correctRare[row]!,
      trace.correctPartner[row]!,
      trace.correctHeldOut[row]!,
    ] as const;
    return present({
      trainAccuracy: share(right[0] + right[1], common + rare),
      testAccuracy: share(right[2] + right[3], partner + heldOut),
      common: share(right[0], common),
      rare: share(right[1], rare),
      partner: share(right[2], partner),
      heldOut: share(right[3], heldOut),
    });
  }
}

const hasTestSet = ([, , partner, heldOut]: ClassCounts) => partner + heldOut > 0;

const share = (part: number, whole: number) => (whole === 0 ? undefined : part / whole);
const finite = (value: number) => (Number.isFinite(value) ? value : undefined);

/** The same record without its undefined entries. */
function present<T extends object>(record: T): { [K in keyof T]?: Exclude<T[K], undefined> } {
  return Object.fromEntries(Object.entries(record).filter(([, value]) => value !== undefined)) as never;
}
