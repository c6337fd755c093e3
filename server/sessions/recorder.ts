import type { Trace } from "../engine/engine.ts";
import { StageTracker } from "../model/stages.ts";
import type { ClassCounts, Head } from "./head.ts";
import type { ScheduledValues } from "./measure-schedule.ts";
import type { ProgressLog, ProgressPoint } from "./progress-log.ts";
import type { Slice } from "./slice.ts";

/** What is known of a network's way: its stages, which every step counts for, and its log, of the steps that are recorded. */
export class Recorder {
  readonly counts: ClassCounts;
  readonly log: ProgressLog;
  #stages: StageTracker;

  constructor(log: ProgressLog, counts: ClassCounts, stages?: Head["stages"]) {
    this.log = log;
    this.counts = counts;
    this.#stages = this.#tracker(stages);
  }

  get stages(): StageTracker {
    return this.#stages;
  }

  /** Goes back to what was known at another state. */
  rewind(stages: Head["stages"]): void {
    this.#stages = this.#tracker(stages);
  }

  #tracker(stages: Head["stages"] | undefined): StageTracker {
    const [, , partner, heldOut] = this.counts;
    const hasTestSet = partner + heldOut > 0;
    return new StageTracker(hasTestSet, stages);
  }

  /**
   * Observes what a slice brought, and records of it what was to be.
   *
   * @param values - of those records that were reached
   * @returns the last of them, if any
   */
  takeIn({ from, result, records }: Slice, values: readonly ScheduledValues[]): ProgressPoint | undefined {
    const { trace } = result;
    let row = 0;
    for (const [i, carried] of values.entries()) {
      const { step } = records[i]!;
      for (; from + row < step; row++) this.observe(from + row + 1, trace, row);
      this.#put(step, trace, row - 1, carried);
    }
    for (; row < result.steps; row++) this.observe(from + row + 1, trace, row);
    if (values.length === 0) return undefined;
    this.log.tell();
    return this.log.latest;
  }

  /** A state that was reached; `row` of the trace is of it. */
  observe(step: number, trace: Trace, row: number): void {
    const right = trace.correctCommon[row]! + trace.correctRare[row]!;
    this.#stages.observe(step, right / (this.counts[0] + this.counts[1]), trace.parameterNorm[row]!);
  }

  /** Records the state that was observed last. */
  record(step: number, current: Trace, carried: ScheduledValues): ProgressPoint {
    this.#put(step, current, 0, carried);
    this.log.tell();
    return this.log.latest!;
  }

  #put(step: number, trace: Trace, row: number, carried: ScheduledValues): void {
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
    this.log.put(step, this.#stages.stage(), values, carried);
  }
}

const finite = (value: number) => (Number.isFinite(value) ? value : Number.NaN);
