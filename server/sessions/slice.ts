import type { Advance, Problem, Weights } from "../engine/engine.ts";
import type { ExtraMeasure, ExtraValues } from "./extra-measures.ts";
import { type Measurer, needsWeights, spectralValues } from "./measurer.ts";

/** What a slice brought. */
export interface Slice {
  /** The step before it. */
  readonly from: number;
  readonly result: Advance;
  /** Of which `result` has the measures, as far as it came. */
  readonly recordAt: readonly number[];
  /** What each of these steps is to carry besides; `result` has the weights of those that need any. */
  readonly due: readonly (readonly ExtraMeasure[])[];
  readonly problem: Problem;
  readonly isStraight: boolean;
}

/** In place of those that nothing needs. */
export const noWeights: Weights = { theta: new Float32Array(), xi: new Float32Array() };

/** What each recorded state that was reached is to carry besides, in order, up to one that could not be measured. */
export async function extrasOf(
  { result, recordAt, due, problem, isStraight }: Slice,
  measurer: Measurer,
): Promise<{ readonly extras: readonly ExtraValues[]; readonly failure: unknown }> {
  const extras: ExtraValues[] = [];
  const weights = result.weights.values();
  try {
    for (const [i, spectral] of result.measures.entries()) {
      if (!needsWeights(due[i]!)) {
        extras.push(spectralValues(due[i]!, spectral));
        continue;
      }
      const { theta, xi } = weights.next().value!;
      const state = { theta, xi, problem, spectral, isStraight, step: recordAt[i]! };
      extras.push(await measurer.measure(due[i]!, state));
    }
  } catch (failure) {
    return { extras, failure };
  }
  return { extras, failure: undefined };
}
