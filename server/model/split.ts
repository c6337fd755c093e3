import { PythonRandom } from "./python-random.ts";
import type { Split } from "./spec.ts";
import type { TorchRandom } from "./torch-random.ts";

/** Number of training pairs of a split by fraction: floor(fraction p^2), the product rounded to float64 as Python does. */
export function trainCount(fraction: number, modulus: number): number {
  return Math.floor(fraction * (modulus * modulus));
}

/**
 * The training set of a run. DESIGN section 4, "Randomness".
 *
 * @param torch - the generator that has drawn the weights; only a `torch` split draws from it
 * @returns [p, p] row-major mask over the ordered pairs: 1 for a training pair, else 0
 */
export function drawTrainMask(split: Split, modulus: number, seed: number, torch: TorchRandom): Uint8Array {
  const pairs = modulus * modulus;
  const mask = new Uint8Array(pairs);
  for (const pair of trainPairs(split, modulus, seed, torch)) mask[pair] = 1;
  return mask;
}

function trainPairs(split: Split, modulus: number, seed: number, torch: TorchRandom): Iterable<number> {
  const pairs = modulus * modulus;
  switch (split.kind) {
    case "explicit":
      return split.trainPairs;
    case "torch":
      return torch.randperm(pairs).subarray(0, trainCount(split.fraction, modulus));
    case "python": {
      const order = Uint32Array.from({ length: pairs }, (_, i) => i);
      new PythonRandom(seed).shuffle(order);
      return order.subarray(0, trainCount(split.fraction, modulus));
    }
  }
}

/** Pairs that a split leaves for the test set. */
export function testCount(split: Split, modulus: number): number {
  const train = split.kind === "explicit" ? split.trainPairs.length : trainCount(split.fraction, modulus);
  return modulus * modulus - train;
}
