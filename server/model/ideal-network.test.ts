import { expect, test } from "vitest";
import { evaluateLogits, logits } from "./evaluation.ts";
import { frequencyCount } from "./fourier-basis.ts";
import { type IdealSpec, idealNetwork } from "./ideal-network.ts";
import { labels } from "./task.ts";

const modulus = 23;
const all = Array.from({ length: frequencyCount(modulus) }, (_, i) => i + 1);
const sums = labels("add", modulus);
const train = new Uint8Array(modulus * modulus);

function lossOf(values: Float64Array): number {
  return evaluateLogits(values, sums, train, modulus).trainLoss!;
}

function logitsOf(spec: IdealSpec): Float64Array {
  const layers = idealNetwork(spec);
  return logits({ modulus, width: spec.neurons, activation: "x^2", ...layers });
}

/** All subsets of so many frequencies. */
function subsets(size: number, from: readonly number[] = all): number[][] {
  if (size === 0) return [[]];
  return from.flatMap((k, i) => subsets(size - 1, from.slice(i + 1)).map((rest) => [k, ...rest]));
}

/** To as many digits as there are in `like`. */
function printed(value: number, like: string): string {
  const [mantissa, exponent] = like.split("e");
  const digits = mantissa!.split(".")[1]!.length;
  return exponent === undefined ? value.toFixed(digits) : value.toExponential(digits).replace("e+", "e");
}

// REFERENCE, "Ideal networks": every group keeps the neurons that it has of the 128.
const byGroup = all.map((k) => logitsOf({ modulus, frequencies: [k], neurons: k <= 7 ? 12 : 11 }));

test.each([
  [1, "1.6427"],
  [2, "0.6024"],
  [4, "0.02878"],
  [8, "2.99e-8"],
  [11, "5.934e-15"],
])("with %i frequencies the mean loss over all subsets is %s", (size, expected) => {
  const losses = subsets(size).map((chosen) => {
    const values = new Float64Array(byGroup[0]!.length);
    for (const k of chosen) for (const [i, value] of byGroup[k - 1]!.entries()) values[i]! += value;
    return lossOf(values);
  });
  const mean = losses.reduce((sum, loss) => sum + loss, 0) / losses.length;
  expect(printed(mean, expected)).toBe(expected);
});

test.each([
  [0.4, "4.815"],
  [0.8, "2.00e-3"],
  [1.2, "1.19e-9"],
  [1.6, "3.54e-7"],
  [2, "5.934e-15"],
])("with phases over %f pi the loss is %s", (halfTurns, expected) => {
  const values = logitsOf({ modulus, frequencies: all, neurons: 128, phaseRange: halfTurns * Math.PI });
  expect(printed(lossOf(values), expected)).toBe(expected);
});

test("neurons are spread over the frequencies in order, the first groups get one more", () => {
  const { theta } = idealNetwork({ modulus: 7, frequencies: [3, 1], neurons: 3, alpha: 2 });
  const expected = [
    [3, 0],
    [3, Math.PI],
    [1, 0],
  ] as const;
  for (const [m, [k, phi]] of expected.entries()) {
    for (let j = 0; j < 7; j++)
      expect(theta[7 * m + j]).toBeCloseTo(2 * Math.cos((2 * Math.PI * k * j) / 7 + phi), 12);
  }
});
