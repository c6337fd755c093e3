import type { Advance, Engine, Problem, Trace, Trainer, TrainerState } from "../engine/engine.ts";
import { classCounts, pairClasses } from "../model/pair-class.ts";
import type { Activation, Spec } from "../model/spec.ts";
import { StageTracker } from "../model/stages.ts";
import { labels } from "../model/task.ts";
import type { Analyst } from "./analyst.ts";
import { GrokboxError } from "./errors.ts";
import type { Observer } from "./observer.ts";
import type { ProgressLog, ProgressPoint } from "./progress-log.ts";
import { longestSliceMs } from "./scheduler.ts";

/** Ordered pairs by class: common, rare, partner, held out. */
export type ClassCounts = readonly [number, number, number, number];

export interface TrainingParts {
  readonly engine: Engine;
  readonly analyst: Analyst;
  readonly log: ProgressLog;
  readonly observer: Observer;
}

/** What a slice brought, to be taken in while the next one is computed. */
interface Uncollected {
  /** The step before it. */
  readonly from: number;
  readonly result: Advance;
  /** Of which `result` has the weights, as far as it came. */
  readonly recordAt: readonly number[];
}

/**
 * A network with its trainer, its stages and its progress log: what training does to a session, with nothing of who asked. Calls
 * must not overlap; a session's lane sees to that.
 */
export class Training {
  readonly #parts: TrainingParts;
  readonly #stages: StageTracker;
  readonly train: Uint8Array;
  readonly counts: ClassCounts;
  #spec: Spec;
  #problem: Problem;
  #trainer: Trainer;
  /** Milliseconds a step, a running mean that decides how many make a slice. */
  #stepMs: number | undefined;
  #uncollected: Uncollected | undefined;

  private constructor(
    parts: TrainingParts,
    spec: Spec,
    train: Uint8Array,
    problem: Problem,
    trainer: Trainer,
  ) {
    this.#parts = parts;
    this.#spec = spec;
    this.train = train;
    this.#problem = problem;
    this.#trainer = trainer;
    this.counts = classCounts(problem.classes);
    this.#stages = new StageTracker(this.counts[2] + this.counts[3] > 0);
    this.#observe(trainer.step, trainer.current, 0);
  }

  /** Fails with DIVERGED when the given state's loss is not finite. */
  static async open(
    parts: TrainingParts,
    spec: Spec,
    train: Uint8Array,
    state: TrainerState,
  ): Promise<Training> {
    const problem: Problem = {
      modulus: spec.modulus,
      width: spec.width,
      activation: spec.activation,
      optimizer: spec.optimizer,
      schedule: spec.schedule,
      labels: labels(spec.task, spec.modulus),
      classes: pairClasses(train, spec.modulus),
    };
    const trainer = await openFinite(parts.engine, problem, state);
    return new Training(parts, spec, train, problem, trainer);
  }

  get spec(): Spec {
    return this.#spec;
  }

  get step(): number {
    return this.#trainer.step;
  }

  get stages(): StageTracker {
    return this.#stages;
  }

  get problem(): Problem {
    return this.#problem;
  }

  /** Expected duration of `steps` updates, from those made so far. */
  expectedMs(steps: number): number {
    return steps * (this.#stepMs ?? 0);
  }

  /** Updates that make about the longest slice; 1 until a first update was timed. */
  get sliceSteps(): number {
    return this.#stepMs === undefined ? 1 : Math.max(1, Math.floor(longestSliceMs / this.#stepMs));
  }

  /**
   * Makes updates up to `until`, or fewer when `signal` aborts or the next state's loss would not be finite: then it answers that it
   * diverged. The states at those steps of `recordAt` that were reached will be recorded by the next `collect`.
   *
   * @param recordAt - increasing, each greater than the present step and at most `until`
   */
  async advance(
    until: number,
    recordAt: readonly number[],
    signal: AbortSignal,
  ): Promise<{ readonly diverged: boolean }> {
    const from = this.#trainer.step;
    const began = performance.now();
    const weightsAt = recordAt.map((step) => step - from);
    let elapsedMs = 0;
    const working = this.#trainer.advance(until - from, { signal, weightsAt }).finally(() => {
      elapsedMs = performance.now() - began;
    });
    // The engine works off this thread: what its last slice brought is measured meanwhile. Both must have ended before the trainer is
    // let go of, whichever fails.
    const [advanced, collected] = await Promise.allSettled([working, this.collect()]);
    if (advanced.status === "rejected") throw advanced.reason;
    const result = advanced.value;
    if (result.steps > 0) {
      const perStep = elapsedMs / result.steps;
      this.#parts.observer.steps(this.#parts.engine.name, result.steps, elapsedMs / 1000);
      this.#stepMs = this.#stepMs === undefined ? perStep : 0.8 * this.#stepMs + 0.2 * perStep;
    }
    this.#uncollected = { from, result, recordAt };
    if (collected.status === "rejected") throw collected.reason;
    return { diverged: result.diverged };
  }

  /** Takes in what the last slice brought; the last point that was recorded. */
  async collect(): Promise<ProgressPoint | undefined> {
    if (this.#uncollected === undefined) return undefined;
    const { from, result, recordAt } = this.#uncollected;
    this.#uncollected = undefined;
    const { trace, weights } = result;
    let point: ProgressPoint | undefined;
    let row = 0;
    for (const [i, captured] of weights.entries()) {
      for (; from + row < recordAt[i]!; row++) this.#observe(from + row + 1, trace, row);
      point = await this.#record(recordAt[i]!, trace, row - 1, captured);
    }
    for (; row < result.steps; row++) this.#observe(from + row + 1, trace, row);
    return point;
  }

  /** The progress point of the present state, recorded unless it is already. */
  async record(): Promise<ProgressPoint> {
    await this.collect();
    const { latest } = this.#parts.log;
    if (latest?.step === this.step) return latest;
    return this.#record(this.step, this.#trainer.current, 0, await this.#trainer.readState());
  }

  /** Goes on under another activation, from the same weights and moments. Fails with DIVERGED, changing nothing. */
  async swap(activation: Activation): Promise<void> {
    const problem = { ...this.#problem, activation };
    const trainer = await openFinite(this.#parts.engine, problem, await this.#trainer.readState());
    this.#trainer.close();
    this.#trainer = trainer;
    this.#problem = problem;
    this.#spec = { ...this.#spec, activation };
  }

  /** Of a copy of the state. */
  get stateBytes(): number {
    const arrays = this.#spec.optimizer.kind === "adamw" ? 6 : 2;
    return arrays * this.#spec.modulus * this.#spec.width * Float32Array.BYTES_PER_ELEMENT;
  }

  readState(): Promise<TrainerState> {
    return this.#trainer.readState();
  }

  close(): void {
    this.#trainer.close();
  }

  #observe(step: number, trace: Trace, row: number): void {
    const right = trace.correctCommon[row]! + trace.correctRare[row]!;
    this.#stages.observe(step, right / (this.counts[0] + this.counts[1]), trace.parameterNorm[row]!);
  }

  async #record(
    step: number,
    trace: Trace,
    row: number,
    { theta, xi }: { readonly theta: Float32Array; readonly xi: Float32Array },
  ): Promise<ProgressPoint> {
    const { modulus } = this.#spec;
    const stage = this.#stages.stage();
    const { ipr, meanAbsSinMisalignment } = await this.#parts.analyst.run(
      "spectralMeasures",
      theta.length * modulus,
      theta,
      xi,
      modulus,
    );
    return this.#parts.log.append({
      step,
      ...present({ trainLoss: finite(trace.trainLoss[row]!), testLoss: finite(trace.testLoss[row]!) }),
      ...this.#accuracies(trace, row),
      ...present({ ipr, meanAbsSinMisalignment, stage }),
      parameterNorm: trace.parameterNorm[row]!,
      gradientNorm: trace.gradientNorm[row]!,
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

async function openFinite(engine: Engine, problem: Problem, state: TrainerState): Promise<Trainer> {
  const trainer = await engine.open(problem, state).catch((error: unknown) => {
    throw error instanceof RangeError ? new GrokboxError("OUT_OF_MEMORY", error.message) : error;
  });
  const { trainLoss, testLoss } = trainer.current;
  const hasTest = problem.classes.some((pairClass) => pairClass >= 2);
  if (Number.isFinite(trainLoss[0]!) && (!hasTest || Number.isFinite(testLoss[0]!))) return trainer;
  trainer.close();
  throw new GrokboxError(
    "DIVERGED",
    `the loss of these weights under ${problem.activation} is not finite at step ${state.step}; nothing was changed`,
    { step: state.step },
  );
}

const share = (part: number, whole: number) => (whole === 0 ? undefined : part / whole);
const finite = (value: number) => (Number.isFinite(value) ? value : undefined);

/** The same record without its undefined entries. */
function present<T extends object>(record: T): { [K in keyof T]?: Exclude<T[K], undefined> } {
  return Object.fromEntries(Object.entries(record).filter(([, value]) => value !== undefined)) as never;
}
