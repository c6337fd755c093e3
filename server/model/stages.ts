/** Stage of a grokking run. */
export type Stage = "memorization" | "generalization" | "cleanup";

/** Live, memorization has ended once train accuracy has been 1 for this many steps. */
const settledSteps = 50;
/** Live, generalization has ended once the parameter norm has fallen by this share below its maximum. */
const settledFall = 0.005;

/** Where the stages of a run end; a boundary that the run has not reached is absent. */
export interface StageBoundaries {
  /** First recorded step from which train accuracy stays 1. */
  readonly memorizationEnd?: number;
  /** Step of the parameter norm's global maximum from `memorizationEnd` on. */
  readonly generalizationEnd?: number;
}

/** All that a tracker remembers; plain data, so that a snapshot can carry it. */
export interface StageMemory {
  /** First step of the present spell of train accuracy 1. */
  readonly perfectSince?: number;
  /** Last step observed. */
  readonly lastStep: number;
  /** Largest parameter norm of the present spell, and its first step. */
  readonly maxNorm: number;
  readonly maxNormStep: number;
  /** Whether the norm has since fallen 0.5% below it. */
  readonly hasFallen: boolean;
}

/**
 * Follows the stages of a run while it trains. Its boundaries are provisional: each is dated back to where it happened
 * once it has lasted (50 steps of train accuracy 1; a fall of 0.5% below the norm's maximum), and is withdrawn when it
 * turns out not to last (accuracy below 1; a new maximum). DESIGN section 4, "Stages".
 */
export class StageTracker {
  readonly #hasTestSet: boolean;
  #perfectSince: number | undefined;
  #lastStep = 0;
  #maxNorm = 0;
  #maxNormStep = 0;
  #hasFallen = false;

  /**
   * @param hasTestSet - without one a run has no stages
   * @param memory - of an earlier tracker of the same run, to go on from
   */
  constructor(hasTestSet: boolean, memory?: StageMemory) {
    this.#hasTestSet = hasTestSet;
    if (memory === undefined) return;
    this.#perfectSince = memory.perfectSince;
    this.#lastStep = memory.lastStep;
    this.#maxNorm = memory.maxNorm;
    this.#maxNormStep = memory.maxNormStep;
    this.#hasFallen = memory.hasFallen;
  }

  /**
   * Takes in the state at `step`; steps come in increasing order, not necessarily every one.
   *
   * @param trainAccuracy - share of training pairs answered correctly, exactly 1 when all are
   * @param parameterNorm - Frobenius norm of all weights
   */
  observe(step: number, trainAccuracy: number, parameterNorm: number): void {
    this.#lastStep = step;
    if (trainAccuracy < 1) {
      this.#perfectSince = undefined;
    } else if (this.#perfectSince === undefined) {
      this.#perfectSince = step;
      this.#startMaximum(step, parameterNorm);
    } else if (parameterNorm > this.#maxNorm) {
      this.#startMaximum(step, parameterNorm);
    } else if (parameterNorm <= this.#maxNorm * (1 - settledFall)) {
      this.#hasFallen = true;
    }
  }

  /** Provisional end of memorization, once it has lasted. */
  get memorizationEnd(): number | undefined {
    if (!this.#hasTestSet || this.#perfectSince === undefined) return undefined;
    return this.#lastStep - this.#perfectSince >= settledSteps ? this.#perfectSince : undefined;
  }

  /** Provisional end of generalization, once the norm has fallen. */
  get generalizationEnd(): number | undefined {
    return this.memorizationEnd !== undefined && this.#hasFallen ? this.#maxNormStep : undefined;
  }

  /** Stage of the state last observed; undefined without a test set. */
  stage(): Stage | undefined {
    if (!this.#hasTestSet) return undefined;
    if (this.memorizationEnd === undefined) return "memorization";
    return this.generalizationEnd === undefined ? "generalization" : "cleanup";
  }

  /** What a tracker needs in order to go on from here. */
  memory(): StageMemory {
    const memory = {
      lastStep: this.#lastStep,
      maxNorm: this.#maxNorm,
      maxNormStep: this.#maxNormStep,
      hasFallen: this.#hasFallen,
    };
    return this.#perfectSince === undefined ? memory : { ...memory, perfectSince: this.#perfectSince };
  }

  #startMaximum(step: number, parameterNorm: number): void {
    this.#maxNorm = parameterNorm;
    this.#maxNormStep = step;
    this.#hasFallen = false;
  }
}

/** Recorded states of a run, in increasing order of steps; one entry a state in every column. */
export interface StageSeries {
  readonly step: ArrayLike<number>;
  readonly trainAccuracy: ArrayLike<number>;
  readonly parameterNorm: ArrayLike<number>;
}

/**
 * Stage boundaries of a finished run that has a test set, by the definition and nothing provisional: memorization ends
 * at the first recorded step from which train accuracy stays 1, generalization at the (first) global maximum of the
 * parameter norm from there on. A norm still rising at the last state leaves generalization without an end.
 */
export function stagesOf(series: StageSeries): StageBoundaries {
  const { step, trainAccuracy, parameterNorm } = series;
  let first = step.length;
  while (first > 0 && trainAccuracy[first - 1] === 1) first--;
  if (first === step.length) return {};
  let peak = first;
  for (let i = first + 1; i < step.length; i++) if (parameterNorm[i] > parameterNorm[peak]) peak = i;
  const memorizationEnd = step[first];
  return peak === step.length - 1 ? { memorizationEnd } : { memorizationEnd, generalizationEnd: step[peak] };
}
