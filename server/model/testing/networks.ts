import fc from "fast-check";
import { spectrum } from "../fourier.ts";
import { frequencyCount } from "../fourier-basis.ts";
import { pairClasses } from "../pair-class.ts";

/** Odd moduli, prime or not, small enough for plain sums. */
export const moduli = fc.integer({ min: 1, max: 15 }).map((half) => 2 * half + 1);

/** Weights of one layer, [width, modulus], of ordinary size. */
export function layerOfShape(width: number, modulus: number): fc.Arbitrary<Float32Array> {
  return fc.float32Array({
    minLength: width * modulus,
    maxLength: width * modulus,
    min: -2,
    max: 2,
    noNaN: true,
  });
}

/** Both layers of a network with 1 to 6 neurons. */
export const networks = fc
  .record({ modulus: moduli, width: fc.integer({ min: 1, max: 6 }) })
  .chain(({ modulus, width }) =>
    fc.record({
      modulus: fc.constant(modulus),
      width: fc.constant(width),
      theta: layerOfShape(width, modulus),
      xi: layerOfShape(width, modulus),
    }),
  );

/**
 * Networks whose dominant frequencies and phases are beyond doubt: no row of theta has two frequencies of almost equal
 * magnitude, between which rounding would decide, and at its k* no row of xi is all but zero beside its largest
 * magnitude: there rounding of the row, 1e-16 of its norm, would turn the phase psi.
 */
export const decidedNetworks = networks.filter(({ modulus, theta, xi }) => {
  const inner = spectrum(theta, modulus).magnitude;
  const outer = spectrum(xi, modulus).magnitude;
  const count = frequencyCount(modulus);
  for (let start = 0; start < inner.length; start += count) {
    const row = inner.slice(start, start + count);
    const [first, second = 0] = row.toSorted().reverse();
    if (first > 0 && second > first * (1 - 1e-6)) return false;
    const outerLargest = Math.max(...outer.subarray(start, start + count));
    if (first > 0 && outerLargest > 0 && outer[start + row.indexOf(first)] < 1e-3 * outerLargest)
      return false;
  }
  return true;
});

/** Training masks with at least one training pair. */
export function trainMasks(modulus: number): fc.Arbitrary<Uint8Array> {
  const pairs = modulus * modulus;
  return fc.uint8Array({ minLength: pairs, maxLength: pairs, max: 1 }).filter((train) => train.includes(1));
}

/** Classes of the pairs of a random split. */
export function classesOf(modulus: number): fc.Arbitrary<Uint8Array> {
  return trainMasks(modulus).map((train) => pairClasses(train, modulus));
}

/** Values in (-1, 1) from a linear congruential generator: weights for tests that need no particular ones. */
export function arbitraryWeights(length: number, seed = 1): Float64Array {
  let state = seed;
  return Float64Array.from({ length }, () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state / 2 ** 31 - 1;
  });
}

/** sqrt(sum (a - b)^2 / sum b^2). */
export function relativeError(actual: ArrayLike<number>, expected: ArrayLike<number>): number {
  let difference = 0;
  let norm = 0;
  for (let i = 0; i < expected.length; i++) {
    difference += (actual[i] - expected[i]) ** 2;
    norm += expected[i] ** 2;
  }
  return Math.sqrt(difference / norm);
}

/** Rows cos(w_k j + phi) of the given k and phi. */
export function cosineLayer(
  modulus: number,
  rows: readonly (readonly [frequency: number, phase: number])[],
): Float64Array {
  return Float64Array.from(
    rows.flatMap(([frequency, phase]) =>
      Array.from({ length: modulus }, (_, j) => Math.cos((2 * Math.PI * frequency * j) / modulus + phase)),
    ),
  );
}
