import { expect, test } from "vitest";
import { learningRateAt } from "./learning-rate.ts";

const sgd = { kind: "sgd", learningRate: 0.5, weightDecay: 0 } as const;

test("warms up linearly from 0 at the first update to the full rate", () => {
  const rates = [0, 1, 9, 10, 11, 5000].map((step) => learningRateAt(sgd, { warmupSteps: 10 }, step));
  expect(rates).toEqual([0, 0.05, 0.45, 0.5, 0.5, 0.5]);
});

test("is full from the first update on without a warm-up", () => {
  expect(learningRateAt(sgd, { warmupSteps: 0 }, 0)).toBe(0.5);
});
