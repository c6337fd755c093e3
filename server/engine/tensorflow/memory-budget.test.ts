import { afterAll, beforeAll, expect, it } from "vitest";
import { makeStart } from "../conformance/arbitrary-problem.ts";
import { adamw, small } from "../conformance/example-starts.ts";
import { type LoadedBackend, loadBackend } from "./backend.ts";
import { bytesOf, MemoryBudget } from "./memory-budget.ts";
import { ResidentNetwork } from "./resident-network.ts";

let loaded: LoadedBackend;
beforeAll(async () => {
  loaded = await loadBackend("cpu");
});
afterAll(() => loaded.tf.removeBackend("cpu"));

it.each([adamw, { kind: "sgd", learningRate: 0.1, weightDecay: 0 } as const])(
  "a trainer with $kind holds about as many bytes as are counted for it",
  (optimizer) => {
    const { problem, state } = makeStart({ ...small, modulus: 31, task: "subtract", optimizer });
    const network = ResidentNetwork.open(loaded.tf, problem, state);
    const held = loaded.tf.memory().numBytes;
    network.dispose();
    expect(loaded.tf.memory().numBytes).toBe(0);
    // The weights of pairs and a row of numbers come on top.
    expect(held).toBeGreaterThanOrEqual(bytesOf(problem).held);
    expect(held).toBeLessThan(1.05 * bytesOf(problem).held);
  },
);

it("trainers are refused beside others, and again admitted when those are gone", () => {
  const budget = new MemoryBudget("wasm");
  const { problem } = makeStart({ ...small, modulus: 199, width: 16_000 });
  let trainers = 0;
  expect(() => {
    for (; trainers < 100; trainers++) budget.take(trainers, problem);
  }).toThrow(RangeError);
  expect(trainers).toBeGreaterThan(1);
  budget.free(0);
  budget.take(100, problem);
  expect(() => budget.take(101, problem)).toThrow(/MiB of other trainers/);
});
