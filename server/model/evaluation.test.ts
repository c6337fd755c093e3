import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { activate } from "./activation.ts";
import { evaluateLogits, logits } from "./evaluation.ts";
import type { Network } from "./network.ts";
import { activations } from "./spec.ts";
import { labels } from "./task.ts";
import { classesOf, cosineLayer, networks } from "./testing/networks.ts";
import { unorderedPairIndex } from "./unordered-pairs.ts";

const modulus = 23;
const sums = labels("add", modulus);
const allCommon = new Uint8Array(modulus * modulus);

/** Quadratic neurons of one frequency, theta = cos(w_k j + phi), xi = cos(w_k j + 2 phi), phi = phaseRange i / n. */
function idealGroup(frequency: number, neurons: number, phaseRange: number): Network {
  const phases = Array.from({ length: neurons }, (_, i) => (phaseRange * i) / neurons);
  return {
    modulus,
    width: neurons,
    activation: "x^2",
    theta: cosineLayer(
      modulus,
      phases.map((phi) => [frequency, phi]),
    ),
    xi: cosineLayer(
      modulus,
      phases.map((phi) => [frequency, 2 * phi]),
    ),
  };
}

/** Logits of each of the 11 groups of the ideal network of 128 neurons: 12 for k = 1..7, 11 for k = 8..11. */
function idealGroups(phaseRange: number): Float64Array[] {
  return Array.from({ length: 11 }, (_, i) => logits(idealGroup(i + 1, i < 7 ? 12 : 11, phaseRange)));
}

function lossOf(groups: readonly Float64Array[]): number {
  const total = new Float64Array(groups[0].length);
  for (const group of groups) for (let i = 0; i < total.length; i++) total[i] += group[i];
  return evaluateLogits(total, sums, allCommon, modulus).trainLoss!;
}

function subsets<T>(items: readonly T[], size: number): T[][] {
  if (size === 0) return [[]];
  return items.flatMap((item, i) => subsets(items.slice(i + 1), size - 1).map((rest) => [item, ...rest]));
}

describe("ideal networks lose what the theory says, to the last digit", () => {
  const groups = idealGroups(2 * Math.PI);

  test.each([
    [1, 1.6427, 5e-5],
    [2, 0.6024, 5e-5],
    [4, 0.02878, 5e-6],
    [8, 2.99e-8, 5e-11],
    [11, 5.934e-15, 5e-19],
  ])("with %i frequencies, on average over all choices: %f", (size, expected, tolerance) => {
    const losses = subsets(groups, size).map(lossOf);
    const mean = losses.reduce((sum, loss) => sum + loss, 0) / losses.length;
    expect(Math.abs(mean - expected)).toBeLessThanOrEqual(tolerance);
  });

  test.each([
    [0.4, 4.815, 5e-4],
    [0.8, 2e-3, 5e-6],
    [1.2, 1.19e-9, 5e-12],
    [1.6, 3.54e-7, 5e-10],
    [2.0, 5.934e-15, 5e-19],
  ])("with all frequencies and phases over %f pi: %f", (range, expected, tolerance) => {
    expect(Math.abs(lossOf(idealGroups(range * Math.PI)) - expected)).toBeLessThanOrEqual(tolerance);
  });
});

test("the worked example: 3 + 7 gets 10.5 for 10, 4.75 for 6 and 14, -1 for all else, in units of aN/2", () => {
  const neurons = 5;
  const total = new Float64Array((modulus * (modulus + 1) * modulus) / 2);
  for (let k = 1; k <= 11; k++) {
    const group = logits(idealGroup(k, neurons, 2 * Math.PI));
    for (let i = 0; i < total.length; i++) total[i] += group[i];
  }
  const row = unorderedPairIndex(3, 7, modulus) * modulus;
  for (let j = 0; j < modulus; j++) {
    const expected = j === 10 ? 10.5 : j === 6 || j === 14 ? 4.75 : -1;
    expect(total[row + j] / (neurons / 2)).toBeCloseTo(expected, 12);
  }
});

test("logits are sum_m xi_m[j] sigma(theta_m[x] + theta_m[y]), for every activation", () => {
  fc.assert(
    fc.property(
      networks,
      fc.constantFrom(...activations),
      fc.nat(),
      fc.nat(),
      fc.nat(),
      (network, name, ...at) => {
        const [x, y, j] = at.map((index) => index % network.modulus);
        const { theta, xi } = network;
        let expected = 0;
        for (let start = 0; start < theta.length; start += network.modulus) {
          expected += xi[start + j] * activate(name, theta[start + x] + theta[start + y]);
        }
        const row = unorderedPairIndex(x, y, network.modulus);
        expect(logits({ ...network, activation: name })[row * network.modulus + j]).toBe(expected);
      },
    ),
  );
});

test("scores are the plain ones over the ordered pairs of each class", () => {
  const cases = networks.chain((network) =>
    fc.record({
      network: fc.constant(network),
      classes: classesOf(network.modulus),
      task: fc.constantFrom("add" as const, "subtract" as const, "x^2+xy+y^2" as const),
    }),
  );
  fc.assert(
    fc.property(cases, ({ network, classes, task }) => {
      const p = network.modulus;
      const values = logits({ ...network, activation: "relu" });
      const wanted = labels(task, p);
      const pairs = Array.from(wanted, (label, pair) => {
        const row = unorderedPairIndex(Math.floor(pair / p), pair % p, p) * p;
        const z = values.subarray(row, row + p);
        const loss = Math.log(z.reduce((sum, value) => sum + Math.exp(value), 0)) - z[label];
        return { pairClass: classes[pair], loss, right: z.indexOf(Math.max(...z)) === label };
      });
      const mean = (chosen: number[], value: (pair: (typeof pairs)[number]) => number) => {
        const some = pairs.filter(({ pairClass }) => chosen.includes(pairClass));
        return some.length === 0 ? undefined : some.reduce((sum, pair) => sum + value(pair), 0) / some.length;
      };
      const right = (...chosen: number[]) => mean(chosen, (pair) => Number(pair.right));
      const scores = evaluateLogits(values, wanted, classes, p);
      expectClose(
        scores.trainLoss,
        mean([0, 1], ({ loss }) => loss),
      );
      expectClose(
        scores.testLoss,
        mean([2, 3], ({ loss }) => loss),
      );
      expectClose(scores.trainAccuracy, right(0, 1));
      expectClose(scores.testAccuracy, right(2, 3));
      expectClose(scores.common, right(0));
      expectClose(scores.rare, right(1));
      expectClose(scores.partner, right(2));
      expectClose(scores.heldOut, right(3));
    }),
  );
});

function expectClose(actual: number | undefined, expected: number | undefined): void {
  if (expected === undefined) expect(actual).toBeUndefined();
  else expect(Math.abs(actual! - expected)).toBeLessThan(1e-10 * (1 + Math.abs(expected)));
}

test("what has no pairs is absent, not undefined", () => {
  const scores = evaluateLogits(new Float64Array(6 * 3), labels("add", 3), new Uint8Array(9), 3);
  expect(Object.keys(scores)).toEqual(["trainLoss", "trainAccuracy", "common"]);
});

test("ties go to the lowest index", () => {
  const scores = evaluateLogits(new Float64Array(6 * 3), labels("add", 3), new Uint8Array(9), 3);
  expect(scores.trainAccuracy).toBe(3 / 9);
  expect(scores.trainLoss).toBeCloseTo(Math.log(3), 14);
});

test("huge logits neither overflow nor lose a certain answer", () => {
  const values = new Float64Array(6 * 3).fill(-1e5);
  const wanted = labels("add", 3);
  for (const [row, label] of [0, 1, 2, 2, 0, 1].entries()) values[row * 3 + label] = 1e5;
  expect(evaluateLogits(values, wanted, new Uint8Array(9), 3)).toEqual({
    trainLoss: 0,
    trainAccuracy: 1,
    common: 1,
  });
});

test.each([Number.NaN, Number.POSITIVE_INFINITY])(
  "logits of %d have no loss, and NaN is never right",
  (value) => {
    const scores = evaluateLogits(
      new Float64Array(6 * 3).fill(value),
      labels("add", 3),
      new Uint8Array(9),
      3,
    );
    expect(scores).toEqual({ trainAccuracy: 0, common: 0 });
  },
);
