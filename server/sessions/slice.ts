import type { Advance, Problem, Weights } from "../engine/engine.ts";
import type { SpectralMeasures } from "../model/spectral-measures.ts";
import {
  needsSpectra,
  needsWeights,
  type SchedulableMeasure,
  type ScheduledValues,
} from "./measure-schedule.ts";
import { type Measurer, spectralValues } from "./measurer.ts";

/** A step that a slice is to record. */
export interface StepRecord {
  readonly step: number;
  /** What its point is to carry, of what a schedule can name. */
  readonly due: readonly SchedulableMeasure[];
}

/** What a slice brought. */
export interface Slice {
  /** The step before it. */
  readonly from: number;
  /** As far as it came; it has the spectral measures and the weights of those records where something due needs them. */
  readonly result: Advance;
  readonly records: readonly StepRecord[];
  readonly problem: Problem;
  readonly isStraight: boolean;
}

/** A record that was reached, with what the engine gave for it. */
interface Reached extends StepRecord {
  readonly spectral: SpectralMeasures | undefined;
  readonly weights: Weights | undefined;
}

function* reached({ from, result, records }: Slice): Generator<Reached> {
  const measures = result.measures.values();
  const weights = result.weights.values();
  for (const { step, due } of records) {
    if (step > from + result.steps) return;
    yield {
      step,
      due,
      spectral: needsSpectra(due) ? measures.next().value : undefined,
      weights: needsWeights(due) ? weights.next().value : undefined,
    };
  }
}

/** What each recorded state that was reached is to carry, in order, where nothing needs weights. */
export function spectralOf(slice: Slice): readonly ScheduledValues[] {
  return Array.from(reached(slice), ({ due, spectral }) => spectralValues(due, spectral));
}

/** The same where something does; from a state that could not be measured on, only what the engine measured. */
export async function measuredOf(
  slice: Slice,
  measurer: Measurer,
): Promise<{ readonly values: readonly ScheduledValues[]; readonly failure: unknown }> {
  const { problem, isStraight } = slice;
  const values: ScheduledValues[] = [];
  let failure: unknown;
  for (const { step, due, spectral, weights } of reached(slice)) {
    let value: ScheduledValues | undefined;
    if (weights !== undefined && failure === undefined) {
      try {
        value = await measurer.measure(due, { ...weights, step, problem, spectral, isStraight });
      } catch (error) {
        failure = error;
      }
    }
    values.push(value ?? spectralValues(due, spectral));
  }
  return { values, failure };
}
