import { isTrained, PairClass } from "./pair-class.ts";

/** One value an ordered pair (x, y), [p, p], x outermost; paper, figures 15 and 16. */
export interface PairGrids {
  /** 1 where the largest logit, ties to the lowest residue, is the label's; else 0. */
  readonly correct: Uint8Array;
  /** Softmax probability of the label, 0 to 1; absent when a logit is not finite. */
  readonly probability?: Float32Array;
}

/**
 * Which pairs are right, and how likely the truth was.
 *
 * @param logits - [p(p+1)/2, p], pairs x <= y in lexicographic order
 * @param labels - [p, p], the label of each ordered pair
 */
export function pairGrids(logits: Float64Array, labels: Uint8Array, modulus: number): PairGrids {
  const correct = new Uint8Array(modulus * modulus);
  const probability = new Float32Array(modulus * modulus);
  let row = 0;
  for (let x = 0; x < modulus; x++) {
    for (let y = x; y < modulus; y++, row += modulus) {
      const values = logits.subarray(row, row + modulus);
      let best = 0;
      for (let j = 1; j < modulus; j++) if (values[j] > values[best]) best = j;
      // The largest's own 1 is not computed: of an infinite one it would not be a number.
      let sum = 1;
      for (let j = 0; j < modulus; j++) if (j !== best) sum += Math.exp(values[j] - values[best]);
      for (const pair of [x * modulus + y, y * modulus + x]) {
        const label = labels[pair];
        correct[pair] = label === best && !Number.isNaN(sum) ? 1 : 0;
        probability[pair] = Math.exp(values[label] - values[best]) / sum;
      }
    }
  }
  return logits.every(Number.isFinite) ? { correct, probability } : { correct };
}

/**
 * The share of test pairs whose other order is trained on and has the same label: since (x, y) and (y, x) have the same logits, the
 * test accuracy that symmetry alone brings once the training set is fitted. 0 for subtraction, absent without test pairs.
 *
 * @param classes - [p, p], the `PairClass` of each ordered pair
 * @param labels - [p, p], the label of each ordered pair
 */
export function predictedPlateau(
  classes: Uint8Array,
  labels: Uint8Array,
  modulus: number,
): number | undefined {
  let test = 0;
  let answered = 0;
  for (const [pair, pairClass] of classes.entries()) {
    if (isTrained(pairClass)) continue;
    test += 1;
    const y = pair % modulus;
    const swapped = y * modulus + (pair - y) / modulus;
    if (pairClass === PairClass.partner && labels[pair] === labels[swapped]) answered += 1;
  }
  return test === 0 ? undefined : answered / test;
}
