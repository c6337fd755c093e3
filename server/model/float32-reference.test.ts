import { expect, test } from "vitest";
import { Float32ReferenceTrainer, float32Gradients } from "./float32-reference.ts";
import { initialState } from "./initial-state.ts";
import { gradients, OracleTrainer } from "./oracle.ts";
import { pairClasses } from "./pair-class.ts";
import { completeSpec } from "./presets.ts";
import { activations } from "./spec.ts";
import { labels } from "./task.ts";
import { relativeError } from "./testing/networks.ts";

const spec = completeSpec(
  { modulus: 11, width: 64, init: { scale: 1 }, split: { fraction: 0.7 } },
  "grokking",
);
const start = initialState(spec);
const problem = { ...spec, labels: labels("add", 11), classes: pairClasses(start.train, 11) };

test.each(activations)("gradients are float64's to float32's precision, and no better: %s", (activation) => {
  const exact = gradients({ ...problem, activation }, start.theta, start.xi);
  const rounded = float32Gradients({ ...problem, activation }, start.theta, start.xi);
  for (const layer of ["thetaGradient", "xiGradient"] as const) {
    const error = relativeError(rounded[layer], exact[layer]);
    expect(error).toBeLessThan(2e-6);
    expect(error).toBeGreaterThan(1e-9);
  }
  expect(rounded.trainLoss / exact.trainLoss).toBeCloseTo(1, 5);
  expect(rounded.testLoss! / exact.testLoss!).toBeCloseTo(1, 5);
  expect(rounded.gradientNorm / exact.gradientNorm).toBeCloseTo(1, 5);
});

test.each([spec.optimizer, { kind: "sgd", learningRate: 0.1, weightDecay: 0.01 } as const])(
  "stays near the oracle over 40 updates: $kind",
  (optimizer) => {
    const oracle = new OracleTrainer({ ...problem, optimizer }, start);
    const reference = new Float32ReferenceTrainer({ ...problem, optimizer }, start);
    for (let i = 0; i < 40; i++) {
      const exact = oracle.step();
      const rounded = reference.step();
      expect(rounded.trainLoss / exact.trainLoss).toBeCloseTo(1, 4);
      expect(rounded.correct[0]).toBeGreaterThanOrEqual(exact.correct[0] - 1);
    }
    expect(reference.updates).toBe(40);
    expect(relativeError(reference.theta, oracle.theta)).toBeLessThan(1e-4);
    expect(relativeError(reference.xi, oracle.xi)).toBeLessThan(1e-4);
  },
);
