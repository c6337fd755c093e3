import { expect, test } from "vitest";
import { drawSplit, initialState } from "./initial-state.ts";
import { factorGradients, productError, productOf } from "./learned-embedding.ts";
import { gradients, OracleTrainer } from "./oracle.ts";
import { pairClasses } from "./pair-class.ts";
import { completeSpec } from "./presets.ts";
import { labels } from "./task.ts";
import { arbitraryWeights } from "./testing/networks.ts";
import { TorchRandom } from "./torch-random.ts";

const [modulus, width, dimension] = [5, 3, 2];
const factors = {
  embedding: arbitraryWeights(dimension * modulus, 3),
  projection: arbitraryWeights(width * dimension, 4),
};
const xi = arbitraryWeights(width * modulus, 2);
const problem = {
  modulus,
  width,
  activation: "gelu",
  labels: labels("subtract", modulus),
  classes: pairClasses(
    Uint8Array.from({ length: 25 }, (_, pair) => Number(pair % 3 !== 0)),
    modulus,
  ),
} as const;

test("gradients of the factors are the limits of difference quotients", () => {
  const lossOf = (changed: typeof factors) => gradients(problem, productOf(changed, modulus), xi).trainLoss;
  const { thetaGradient } = gradients(problem, productOf(factors, modulus), xi);
  const found = factorGradients(factors, thetaGradient, modulus);
  const h = 1e-6;
  for (const name of ["embedding", "projection"] as const) {
    for (let i = 0; i < factors[name].length; i++) {
      const at = (change: number) => {
        const moved = factors[name].slice();
        moved[i] += change;
        return lossOf({ ...factors, [name]: moved });
      };
      expect(found[name][i]).toBeCloseTo((at(h) - at(-h)) / (2 * h), 8);
    }
  }
});

test("with the identity as its embedding, W_in's gradient is theta's, and so is its first step with a frozen W_E", () => {
  const identity = Float64Array.from({ length: modulus * modulus }, (_, i) =>
    Number(i % (modulus + 1) === 0),
  );
  const theta = arbitraryWeights(width * modulus, 1);
  const oneHot = { embedding: identity, projection: theta };
  expect(productOf(oneHot, modulus)).toEqual(theta);
  const { thetaGradient } = gradients(problem, theta, xi);
  expect(factorGradients(oneHot, thetaGradient, modulus).projection).toEqual(thetaGradient);
});

test("Grokfast's mean begins as the first gradient and then keeps alpha of itself", () => {
  const optimizer = {
    kind: "sgd",
    learningRate: 0.1,
    weightDecay: 0,
    grokfast: { alpha: 0.75, lambda: 2 },
  } as const;
  const theta = arbitraryWeights(width * modulus, 1);
  const trainer = new OracleTrainer({ ...problem, optimizer, schedule: { warmupSteps: 0 } }, { theta, xi });
  const first = trainer.step().xiGradient;
  expect(trainer.state.averages!.xiAverage).toEqual(first);
  for (const [i, weight] of trainer.xi.entries()) expect(weight).toBeCloseTo(xi[i] - 0.3 * first[i], 14);
  const before = trainer.xi.slice();
  const second = trainer.step().xiGradient;
  for (const [i, weight] of trainer.xi.entries()) {
    const mean = 0.75 * first[i] + 0.25 * second[i];
    expect(weight).toBeCloseTo(before[i] - 0.1 * (second[i] + 2 * mean), 14);
  }
});

test("W_E is drawn first, then W_in, then xi as [p, M], then the split, as the published code draws them", () => {
  const spec = completeSpec({
    modulus: 7,
    width: 20,
    embedding: { dimension: 6 },
    split: { fraction: 0.5 },
    seed: 3,
  });
  const drawn = initialState(spec);
  const torch = new TorchRandom(3);
  const { embedding, projection } = drawn.factors!;
  const close = (values: ArrayLike<number>, expected: ArrayLike<number>, scale: number) => {
    for (let i = 0; i < expected.length; i++)
      expect(values[i]).toBeCloseTo((scale * expected[i]!) / Math.sqrt(6), 6);
  };
  close(embedding, torch.randn(6 * 7), 1);
  close(projection, torch.randn(20 * 6), 0.1);
  const columns = torch.randn(7 * 20);
  const transposed = Float32Array.from({ length: 140 }, (_, i) => columns[(i % 7) * 20 + Math.floor(i / 7)]);
  close(drawn.xi, transposed, 0.1);
  const order = torch.randperm(49);
  expect([...order.subarray(0, 24)].every((pair) => drawn.train[pair] === 1)).toBe(true);
  expect(drawSplit(spec)).toEqual(drawn.train);
  expect(productError(drawn.theta, drawn.factors!, 7)).toBeLessThan(1e-7);
  expect(
    productError(
      drawn.theta.map((w) => 1.01 * w),
      drawn.factors!,
      7,
    ),
  ).toBeCloseTo(0.01, 6);
});

test("the smallest embedding takes as many draws as it says, below sixteen values too", () => {
  const spec = completeSpec({ modulus: 3, width: 8, embedding: { dimension: 1 }, split: { fraction: 0.5 } });
  expect(drawSplit(spec)).toEqual(initialState(spec).train);
});
