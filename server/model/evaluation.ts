import { activate } from "./activation.ts";
import type { Network } from "./network.ts";
import { PairClass } from "./pair-class.ts";
import { unorderedPairCount } from "./unordered-pairs.ts";

/**
 * How well logits fit the labels. Losses are mean cross-entropy in nats; accuracies are shares in [0, 1] of ordered
 * pairs whose argmax, ties to the lowest index, is the label. A value over no pairs is absent, and so is a loss that is
 * not finite because the logits aren't.
 */
export interface Evaluation {
  readonly trainLoss?: number;
  readonly testLoss?: number;
  /** 0 when there is no training pair, which no valid spec has. */
  readonly trainAccuracy: number;
  readonly testAccuracy?: number;
  /** Accuracy on training pairs whose other order is trained on too. */
  readonly common?: number;
  /** Accuracy on training pairs whose other order is not trained on. */
  readonly rare?: number;
  /** Accuracy on test pairs whose other order is trained on. */
  readonly partner?: number;
  /** Accuracy on test pairs neither of whose orders is trained on. */
  readonly heldOut?: number;
}

/**
 * Logits of a network over the unordered pairs, in float64: plain sums over the neurons in order.
 *
 * @returns [p(p+1)/2, p] row-major, pairs x <= y in lexicographic order
 */
export function logits(network: Network): Float64Array {
  const { modulus, width, activation, theta, xi } = network;
  const result = new Float64Array(unorderedPairCount(modulus) * modulus);
  let row = 0;
  for (let x = 0; x < modulus; x++) {
    for (let y = x; y < modulus; y++) {
      for (let start = 0; start < width * modulus; start += modulus) {
        const hidden = activate(activation, theta[start + x] + theta[start + y]);
        for (let j = 0; j < modulus; j++) result[row + j] += hidden * xi[start + j];
      }
      row += modulus;
    }
  }
  return result;
}

/**
 * Losses and accuracies, in float64. The loss of a pair is (max - z_c) + log1p(sum of e^{z_j - max} but for the maximum's
 * own 1), which keeps the digits of losses far below 1e-16.
 *
 * @param logits - [p(p+1)/2, p], as `logits` returns them
 * @param labels - [p, p], the label of each ordered pair
 * @param classes - [p, p], the `PairClass` of each ordered pair
 */
export function evaluateLogits(
  logits: Float64Array,
  labels: Uint8Array,
  classes: Uint8Array,
  modulus: number,
): Evaluation {
  const pairs = [0, 0, 0, 0];
  const losses = [0, 0, 0, 0];
  const correct = [0, 0, 0, 0];
  let row = 0;
  for (let x = 0; x < modulus; x++) {
    for (let y = x; y < modulus; y++) {
      const values = logits.subarray(row, row + modulus);
      const best = argmax(values);
      const excess = logExcess(values, best);
      const count = (pair: number) => {
        const pairClass = classes[pair];
        pairs[pairClass]++;
        losses[pairClass] += values[best] - values[labels[pair]] + excess;
        // Not-a-number logits have no maximum; nothing they say is right.
        if (labels[pair] === best && !Number.isNaN(excess)) correct[pairClass]++;
      };
      count(x * modulus + y);
      if (x !== y) count(y * modulus + x);
      row += modulus;
    }
  }
  return summarize(pairs, losses, correct);
}

function argmax(values: Float64Array): number {
  let best = 0;
  for (let j = 1; j < values.length; j++) if (values[j] > values[best]) best = j;
  return best;
}

/** log sum_j e^{z_j - max}, through log1p of all terms but the maximum's own. */
function logExcess(values: Float64Array, best: number): number {
  let others = 0;
  for (let j = 0; j < values.length; j++) if (j !== best) others += Math.exp(values[j] - values[best]);
  return Math.log1p(others);
}

function summarize(pairs: number[], losses: number[], correct: number[]): Evaluation {
  const { common, rare, partner, heldOut } = PairClass;
  const share = (sums: number[], ...classes: number[]): number | undefined => {
    const total = classes.reduce((sum, pairClass) => sum + pairs[pairClass], 0);
    const mean = classes.reduce((sum, pairClass) => sum + sums[pairClass], 0) / total;
    return Number.isFinite(mean) ? mean : undefined;
  };
  return present({
    trainLoss: share(losses, common, rare),
    testLoss: share(losses, partner, heldOut),
    trainAccuracy: share(correct, common, rare) ?? 0,
    testAccuracy: share(correct, partner, heldOut),
    common: share(correct, common),
    rare: share(correct, rare),
    partner: share(correct, partner),
    heldOut: share(correct, heldOut),
  });
}

/** The same record without its undefined entries. */
function present<T extends object>(record: T): { [K in keyof T]: Exclude<T[K], undefined> } {
  const kept: Partial<T> = {};
  for (const key in record) if (record[key] !== undefined) kept[key] = record[key];
  return kept as never;
}
