import type { Tensor, Tensor2D } from "@tensorflow/tfjs-core";
import { isTrained } from "../../model/pair-class.ts";
import { unorderedPairCount } from "../../model/unordered-pairs.ts";
import type { Problem } from "../engine.ts";
import type { TensorFlow } from "./backend.ts";

/**
 * What a problem says of the U = p(p+1)/2 unordered pairs x <= y, in lexicographic order: on the device for the matrix
 * products, and beside it for counting.
 */
export interface PairTables {
  readonly modulus: number;
  readonly pairs: number;
  /** [U, p]: 1 at x and y of each pair, 2 where they are one. */
  readonly incidence: Tensor2D;
  /** [p, U] */
  readonly incidenceTransposed: Tensor2D;
  /** [1, p]: p - j at residue j, so that the largest is the lowest index. */
  readonly descending: Tensor2D;
  /** One when (x, y) and (y, x) have the same label for all pairs, else one for each order. */
  readonly targets: readonly Target[];
  /** Of (x, y), and of (y, x) where that is another pair. */
  readonly orders: readonly Order[];
  readonly trainPairs: number;
  readonly testPairs: number;
}

/** A label for each unordered pair. */
export interface Target {
  readonly labels: Uint8Array;
  /** [U, p] */
  readonly oneHot: Tensor2D;
  /** [U, p]: 1 - oneHot */
  readonly others: Tensor2D;
  /** [U, 1]: how many training pairs have it, over the number of all training pairs. */
  readonly weight: Tensor2D;
}

/** One ordered pair for each unordered one. */
export interface Order {
  /** Index into `targets`. */
  readonly target: number;
  /** [U], a `PairClass`, or `noPair` at x = y for the second order. */
  readonly classes: Uint8Array;
}

export const noPair = 255;

export function pairTables(tf: TensorFlow, { modulus, labels, classes }: Problem): PairTables {
  const pairs = unorderedPairCount(modulus);
  const incidence = new Float32Array(pairs * modulus);
  const label = [new Uint8Array(pairs), new Uint8Array(pairs)];
  const pairClass = [new Uint8Array(pairs), new Uint8Array(pairs)];
  let pair = 0;
  for (let x = 0; x < modulus; x++) {
    for (let y = x; y < modulus; y++, pair++) {
      incidence[pair * modulus + x]++;
      incidence[pair * modulus + y]++;
      for (const [order, at] of [x * modulus + y, y * modulus + x].entries()) {
        label[order][pair] = labels[at];
        pairClass[order][pair] = order === 1 && x === y ? noPair : classes[at];
      }
    }
  }
  const trainPairs = classes.filter(isTrained).length;
  const symmetric = label[0].every((value, u) => value === label[1][u]);
  const trained = (order: number, u: number) => Number(isTrained(pairClass[order][u]));
  const target = (order: number, trainedOf: (u: number) => number): Target => {
    const oneHot = new Float32Array(pairs * modulus);
    for (let u = 0; u < pairs; u++) oneHot[u * modulus + label[order][u]] = 1;
    const others = oneHot.map((value) => 1 - value);
    const weight = Float32Array.from({ length: pairs }, (_, u) => trainedOf(u) / Math.max(1, trainPairs));
    return {
      labels: label[order],
      oneHot: tf.tensor2d(oneHot, [pairs, modulus]),
      others: tf.tensor2d(others, [pairs, modulus]),
      weight: tf.tensor2d(weight, [pairs, 1]),
    };
  };
  const incidenceTensor = tf.tensor2d(incidence, [pairs, modulus]);
  const descending = Float32Array.from({ length: modulus }, (_, j) => modulus - j);
  return {
    modulus,
    pairs,
    incidence: incidenceTensor,
    incidenceTransposed: tf.transpose(incidenceTensor),
    descending: tf.tensor2d(descending, [1, modulus]),
    targets: symmetric
      ? [target(0, (u) => trained(0, u) + trained(1, u))]
      : [0, 1].map((order) => target(order, (u) => trained(order, u))),
    orders: pairClass.map((ofOrder, order) => ({ target: symmetric ? 0 : order, classes: ofOrder })),
    trainPairs,
    testPairs: classes.length - trainPairs,
  };
}

/** All tensors of the tables. */
export function tensorsOfTables(tables: PairTables): Tensor[] {
  const { incidence, incidenceTransposed, descending, targets } = tables;
  return [
    incidence,
    incidenceTransposed,
    descending,
    ...targets.flatMap(({ oneHot, others, weight }) => [oneHot, others, weight]),
  ];
}
