import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { gradients } from "../../model/oracle.ts";
import { makeStart, type Start } from "../conformance/arbitrary-problem.ts";
import { relativeDistance } from "../conformance/distance.ts";
import { small } from "../conformance/example-starts.ts";
import { type LoadedBackend, loadBackend } from "./backend.ts";
import { GradientsOfProblem } from "./gradients.ts";

describe("gradients in pieces", () => {
  let loaded: LoadedBackend;
  beforeAll(async () => {
    loaded = await loadBackend("wasm");
  });
  afterAll(() => loaded.tf.removeBackend("wasm"));

  // 66 pairs: one piece; 30 and 7 neurons; neuron by neuron.
  it.each([37 * 66, 30 * 66, 1])("of %i activations are those of the network", (most) => {
    const start = makeStart({ ...small, task: "subtract", trainFraction: 0.75 });
    const { theta, xi, row } = evaluate(start, most);
    const truth = gradients(start.problem, start.state.theta, start.state.xi);
    expect(relativeDistance([theta, xi], [truth.thetaGradient, truth.xiGradient])).toBeLessThan(1e-6);
    expect(Math.abs(row.trainLoss - truth.trainLoss)).toBeLessThan(1e-6 * truth.trainLoss);
  });

  it("of a network that has nothing to learn from are zero, and its training loss is absent", () => {
    const start = makeStart(small);
    start.problem.classes.fill(3);
    const { theta, xi, row, finite } = evaluate(start, 1e6);
    expect(Math.max(...theta, ...xi)).toBe(0);
    expect(row.trainLoss).toBeNaN();
    expect(row.testLoss).toBeGreaterThan(0);
    expect(row.gradientNorm).toBe(0);
    expect(finite).toBe(true);
  });

  function evaluate({ problem, state }: Start, most: number) {
    const { tf } = loaded;
    return tf.tidy(() => {
      const layer = (values: Float32Array) => tf.tensor2d(values, [problem.width, problem.modulus]);
      const weights = { theta: layer(state.theta), xi: layer(state.xi) };
      const { gradient, row, finite } = new GradientsOfProblem(tf, problem, most).evaluate(weights);
      return {
        theta: gradient.theta.dataSync() as Float32Array,
        xi: gradient.xi.dataSync() as Float32Array,
        row,
        finite,
      } as never;
    }) as { theta: Float32Array; xi: Float32Array; row: Record<string, number>; finite: boolean };
  }
});
