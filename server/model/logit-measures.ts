import { votingFit } from "./voting.ts";

/** Measures of logits. One that they can't have is absent. */
export interface LogitMeasures {
  /** Largest |softmax - 1/p|, in [0, 1 - 1/p]. */
  readonly maxProbabilityDeviation?: number;
  /** Root mean square of logit minus level of the voting fit. */
  readonly votingResidual?: number;
  /** Of the voting fit, at most 1; absent when all logits are equal. */
  readonly votingRSquared?: number;
}

/**
 * @param logits - [p(p+1)/2, p], pairs x <= y in lexicographic order
 * @param adds - the task is addition, so that the logits have the levels of the voting formula
 * @returns nothing when not all logits are finite
 */
export function logitMeasures(logits: Float64Array, modulus: number, adds: boolean): LogitMeasures {
  if (!logits.every(Number.isFinite)) return {};
  const { residual, r2 } = adds ? votingFit(logits, modulus, 0) : {};
  return {
    maxProbabilityDeviation: maxProbabilityDeviation(logits, modulus),
    ...(residual === undefined ? {} : { votingResidual: residual }),
    ...(r2 === undefined ? {} : { votingRSquared: r2 }),
  };
}

/**
 * max |softmax(f(x, y))[j] - 1/p| over pairs and residues: 0 while all residues are equally likely, which is when the neurons move each by
 * itself (DESIGN, "Flow").
 *
 * @param logits - [n, p]; finite
 */
export function maxProbabilityDeviation(logits: Float64Array, modulus: number): number {
  let largest = 0;
  for (let row = 0; row < logits.length; row += modulus) {
    const values = logits.subarray(row, row + modulus);
    const top = values.reduce((a, b) => Math.max(a, b));
    const sum = values.reduce((total, value) => total + Math.exp(value - top), 0);
    for (const value of values) {
      largest = Math.max(largest, Math.abs(Math.exp(value - top) / sum - 1 / modulus));
    }
  }
  return largest;
}
