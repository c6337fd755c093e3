import fc from "fast-check";
import { expect, test } from "vitest";
import { projectOnDominant } from "./dominant.ts";
import { evaluateLogits, logits } from "./evaluation.ts";
import { frequencyCount } from "./fourier-basis.ts";
import { idealNetwork } from "./ideal-network.ts";
import type { Network } from "./network.ts";
import { labels } from "./task.ts";
import { arbitraryWeights, cosineLayer } from "./testing/networks.ts";
import { hasPublishedRuns, publishedWeights } from "./testing/published.ts";
import { theoryLogits, votes, votingFit, votingTheory } from "./voting.ts";

const angle = fc.double({ min: -3, max: 3, noNaN: true });
const modulus = fc.integer({ min: 2, max: 15 }).map((half) => 2 * half + 1);

function largestDifference(a: Float64Array, b: Float64Array): number {
  return a.reduce((most, value, i) => Math.max(most, Math.abs(value - b[i]!)), 0);
}

/** Every frequency has so many neurons, its phases evenly spread from a start of its own. */
function diversified(p: number, neurons: number, starts: readonly number[]) {
  const neuron = (k: number, i: number) => starts[k - 1]! + (2 * Math.PI * i) / neurons;
  const rows = Array.from({ length: frequencyCount(p) }, (_, g) =>
    Array.from({ length: neurons }, (__, i) => [g + 1, neuron(g + 1, i)] as const),
  ).flat();
  const layer = (times: number) =>
    Float64Array.from(
      rows.flatMap(([k, phi]) =>
        Array.from({ length: p }, (_, j) => Math.cos((2 * Math.PI * k * j) / p + times * phi)),
      ),
    );
  return { modulus: p, width: rows.length, activation: "x^2" as const, theta: layer(1), xi: layer(2) };
}

test("the formula holds to 1e-9 for every pair when every frequency has 3 or at least 5 evenly spread neurons, and not with 4", () => {
  const cases = modulus.chain((p) =>
    fc.tuple(
      fc.constant(p),
      fc.constantFrom(3, 5, 6, 7, 8),
      fc.array(angle, { minLength: frequencyCount(p), maxLength: frequencyCount(p) }),
    ),
  );
  fc.assert(
    fc.property(cases, ([p, neurons, starts]) => {
      const theory = theoryLogits(p, 1, neurons);
      expect(largestDifference(logits(diversified(p, neurons, starts)), theory)).toBeLessThan(1e-9);
      const four = logits(diversified(p, 4, starts));
      expect(largestDifference(four, theoryLogits(p, 1, 4))).toBeGreaterThan(1e-3);
    }),
    { numRuns: 60 },
  );
});

test("the worked example: p = 23, x = 3, y = 7, in units of aN/2", () => {
  const values = theoryLogits(23, 0.5, 4);
  const row = 3 * 23 - 3 + 4;
  const logit = (j: number) => values[row * 23 + j];
  expect([logit(10), logit(6), logit(14)]).toEqual([10.5, 4.75, 4.75]);
  expect([...Array(23).keys()].filter((j) => logit(j) === -1)).toHaveLength(20);
  expect(votingTheory(23, 0.5, 4)).toMatchObject({ unit: 1, margin: 5.75, diagonalCorrect: 22 });
});

test("the levels of the theory are found in it, with its margins and nothing left", () => {
  fc.assert(
    fc.property(modulus, fc.double({ min: 0.1, max: 3, noNaN: true }), (p, strength) => {
      const fit = votingFit(theoryLogits(p, strength, 5), p, 3);
      const theory = votingTheory(p, strength, 5);
      expect(fit.levels.correct).toBeCloseTo(theory.correct, 9);
      expect(fit.levels.background).toBeCloseTo(theory.background, 9);
      expect(fit.spuriousRatio).toBeCloseTo(0.5, 9);
      expect(fit.r2).toBeCloseTo(1, 9);
      expect(fit.maxResidual).toBeLessThan(1e-9);
      expect(fit.diagonal.correct).toBeCloseTo(theory.diagonalCorrect, 9);
      expect(fit.margin.min).toBeCloseTo(theory.margin, 9);
      expect(fit.minSoftmax).toBeGreaterThanOrEqual(theory.minSoftmax);
      expect(fit.worst.every(({ isSpurious, x, y }) => isSpurious && x !== y)).toBe(true);
    }),
  );
});

test("margins, probabilities and worst pairs are those of the logits, pair by pair", () => {
  fc.assert(
    fc.property(modulus, fc.integer({ min: 1, max: 1e6 }), (p, seed) => {
      const values = arbitraryWeights(((p * (p + 1)) / 2) * p, seed);
      const fit = votingFit(values, p, 4);
      const margins: number[] = [];
      let least = 1;
      for (let x = 0, row = 0; x < p; x++) {
        for (let y = x; y < p; y++, row++) {
          const pair = [...values.subarray(row * p, (row + 1) * p)];
          const correct = pair[(x + y) % p]!;
          const margin = correct - Math.max(...pair.toSpliced((x + y) % p, 1));
          margins.push(...(x === y ? [margin] : [margin, margin]));
          least = Math.min(least, Math.exp(correct) / pair.reduce((sum, z) => sum + Math.exp(z), 0));
        }
      }
      expect(fit.margin.mean).toBeCloseTo(margins.reduce((sum, margin) => sum + margin, 0) / p ** 2, 12);
      expect(fit.margin.min).toBe(Math.min(...margins));
      expect(fit.worst.map(({ margin }) => margin)).toEqual(
        [...new Set(margins)].sort((a, b) => a - b).slice(0, 4),
      );
      expect(fit.minSoftmax).toBeCloseTo(least, 12);
      const wrong = margins.filter((margin) => margin < 0).length / p ** 2;
      const { trainAccuracy } = evaluateLogits(values, labels("add", p), new Uint8Array(p * p), p);
      expect(trainAccuracy).toBeCloseTo(1 - wrong, 12);
    }),
    { numRuns: 50 },
  );
});

test("the votes of single-frequency neurons add up to their logits under x^2", () => {
  const neuron = fc.record({ k: fc.constantFrom(2, 3), phi: angle, psi: angle });
  fc.assert(
    fc.property(fc.array(neuron, { minLength: 1, maxLength: 5 }), (neurons) => {
      const p = 11;
      const theta = cosineLayer(
        p,
        neurons.map(({ k, phi }) => [k, phi]),
      );
      const xi = cosineLayer(
        p,
        neurons.map(({ k, psi }) => [k, psi]),
      );
      const network = { modulus: p, width: neurons.length, activation: "x^2" as const, theta, xi };
      const measured = logits(network);
      const found = votes(theta, xi, p);
      for (let x = 0, at = 0; x < p; x++) {
        for (let y = x; y < p; y++) {
          for (let j = 0; j < p; j++, at++) {
            const sum = neurons.reduce((all, { k, phi, psi }) => {
              const w = (2 * Math.PI * k) / p;
              const terms =
                Math.cos(w * (x + y - j) + 2 * phi - psi) +
                2 * Math.cos(w * j + psi) +
                Math.cos(w * (x + y + j) + 2 * phi + psi);
              return all + Math.cos((w * (x - y)) / 2) ** 2 * terms;
            }, 0);
            expect(measured[at]).toBeCloseTo(sum, 5);
          }
        }
      }
      for (const { frequency, signal, firstNoise, secondNoise } of found) {
        const mine = neurons.filter(({ k }) => k === frequency);
        const amplitude = (of: (neuron: (typeof mine)[number]) => number) =>
          Math.hypot(
            mine.reduce((sum, each) => sum + Math.cos(of(each)), 0),
            mine.reduce((sum, each) => sum + Math.sin(of(each)), 0),
          );
        expect(signal).toBeCloseTo(
          mine.reduce((sum, { phi, psi }) => sum + Math.cos(2 * phi - psi), 0),
          5,
        );
        expect(firstNoise).toBeCloseTo(2 * amplitude(({ psi }) => psi), 5);
        expect(secondNoise).toBeCloseTo(
          amplitude(({ phi, psi }) => 2 * phi + psi),
          5,
        );
      }
    }),
    { numRuns: 50 },
  );
});

test("an ideal network has nothing but signal", () => {
  const { theta, xi } = idealNetwork({ modulus: 7, frequencies: [1, 2, 3], neurons: 15 });
  for (const { neurons, signal, firstNoise, secondNoise } of votes(theta, xi, 7)) {
    expect([neurons, Math.round(1e9 * signal) / 1e9]).toEqual([5, 5]);
    expect(firstNoise + secondNoise).toBeLessThan(1e-12);
  }
});

test.skipIf(!hasPublishedRuns)("the published standard run's levels", () => {
  const weights = publishedWeights("standard", "step-final");
  const fit = (layers: Pick<Network, "theta" | "xi">) =>
    votingFit(logits({ modulus: 23, width: 512, activation: "x^2", ...layers }), 23);
  const { levels, spuriousRatio } = fit(weights);
  expect(Object.values(levels).map((level) => level.toFixed(1))).toEqual(["29.1", "6.2", "-0.6"]);
  expect(spuriousRatio!.toFixed(3)).toBe("0.227");
  expect(fit(projectOnDominant(weights.theta, weights.xi, 23)).spuriousRatio!.toFixed(3)).toBe("0.500");
});

test("p = 3 has no background, and nothing that needs one", () => {
  const logits = Float64Array.from({ length: 18 }, (_, i) => Math.sin(i));
  const fit = votingFit(logits, 3);
  expect(fit.levels).toEqual({ correct: expect.any(Number), spurious: expect.any(Number) });
  expect(fit.spuriousRatio).toBeUndefined();
  for (const value of [fit.residual, fit.maxResidual, fit.r2, fit.diagonal.background, fit.margin.mean]) {
    expect(value).toBeTypeOf("number");
    expect(value).not.toBeNaN();
  }
});

test("a correct and a background level that differ by rounding alone have no ratio", () => {
  fc.assert(
    fc.property(
      modulus.filter((p) => p > 3),
      fc.integer({ min: 1, max: 1e6 }),
      (p, seed) => {
        const [theta, xi] = [arbitraryWeights(p * 8, seed), arbitraryWeights(p * 8, seed + 1)];
        const ratio = (activation: Network["activation"], layers: Pick<Network, "theta" | "xi">) =>
          votingFit(logits({ modulus: p, width: 8, activation, ...layers }), p).spuriousRatio;
        expect(ratio("identity", { theta, xi })).toBeUndefined();
        expect(ratio("x^2", { theta, xi })).toBeTypeOf("number");
        // However small logits are, it is by their own scale that levels are equal.
        expect(ratio("x^2", { theta: theta.map((w) => 1e-9 * w), xi })).toBeTypeOf("number");
      },
    ),
    { numRuns: 30 },
  );
  const { theta, xi } = projectOnDominant(arbitraryWeights(11 * 8, 1), arbitraryWeights(11 * 8, 2), 11);
  const cubed = logits({ modulus: 11, width: 8, activation: "x^3", theta, xi });
  expect(votingFit(cubed, 11).spuriousRatio).toBeUndefined();
  expect(votingFit(new Float64Array(66 * 11), 11).spuriousRatio).toBeUndefined();
});

test("a neuron whose theta is constant has no vote", () => {
  const theta = Float64Array.from([...cosineLayer(5, [[2, 1]]), ...Array(5).fill(1)]);
  const found = votes(
    theta,
    cosineLayer(5, [
      [2, 2],
      [1, 0],
    ]),
    5,
  );
  expect(found.map(({ neurons }) => neurons)).toEqual([0, 1]);
  expect(found[0]).toEqual({ frequency: 1, neurons: 0, signal: 0, firstNoise: 0, secondNoise: 0 });
});
