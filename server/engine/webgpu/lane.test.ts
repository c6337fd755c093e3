import { setImmediate } from "node:timers/promises";
import { expect, it } from "vitest";
import { makeStart } from "../conformance/arbitrary-problem.ts";
import { choiceOf } from "../conformance/example-starts.ts";
import { bitsOf } from "../conformance/state-bits.ts";
import type { Advance, Problem, TrainerState } from "../engine.ts";
import { Gpu } from "./gpu.ts";
import { leastBetween } from "./network.ts";
import type { Tuning } from "./plan.ts";
import { softwareAdapterMissing, useSoftwareAdapterOnThisThread } from "./testing/software-adapter.ts";

useSoftwareAdapterOnThisThread();

/** Steps of all these networks at once, or of one after another. */
async function advanceAll(
  starts: readonly { readonly problem: Problem; readonly state: TrainerState }[],
  steps: readonly number[],
  { inTurns = false, ...tuning }: Tuning & { readonly inTurns?: boolean } = {},
) {
  const gpu = await Gpu.open({ allowSoftware: true, memoryBytes: undefined, tuning });
  try {
    const loaded = await Promise.all(starts.map(({ problem, state }) => gpu.load(problem, state)));
    const calls: Promise<Advance>[] = [];
    for (const [i, { network }] of loaded.entries()) {
      calls.push(gpu.advance(network, { steps: steps[i], weightsAt: [steps[i] - 1], measureAt: [] }));
      if (inTurns) await calls[i];
    }
    const made = await Promise.all(calls);
    const states = await Promise.all(loaded.map(({ network }) => gpu.read(network)));
    return made.map((advance, i) => ({ ...advance, bits: bitsOf(states[i]) }));
  } finally {
    gpu.destroy();
  }
}

it.skipIf(softwareAdapterMissing)(
  "networks that take turns, some of them at once, make the steps that each makes alone, also where one diverges",
  async () => {
    const choice = choiceOf({ modulus: 5, width: 12, activation: "exp", optimizer: "sgd" });
    const starts = Array.from({ length: 7 }, (_, seed) => makeStart({ ...choice, seed }));
    // So large a rate that the loss overflows within some steps.
    const { problem, state } = starts[3];
    starts[3] = { problem: { ...problem, optimizer: { ...problem.optimizer, learningRate: 1e4 } }, state };
    const steps = [30, 90, 11, 75, 60, 1, 40];
    const together = await advanceAll(starts, steps, { sideBySide: 2 });
    expect(together[3].diverged).toBe(true);
    expect(together.map((advance) => advance.steps)).toEqual(
      steps.map((count, i) => (i === 3 ? expect.any(Number) : count)),
    );
    expect(together).toEqual(await advanceAll(starts, steps, { inTurns: true }));
  },
);

it.skipIf(softwareAdapterMissing)(
  "networks that are being loaded, in turns, when all is to end are evaluated nevertheless",
  async () => {
    const choice = choiceOf({ modulus: 5, width: 12, activation: "relu", optimizer: "sgd" });
    const starts = Array.from({ length: 8 }, (_, seed) => makeStart({ ...choice, seed }));
    const gpu = await Gpu.open({ allowSoftware: true, memoryBytes: undefined, tuning: { sideBySide: 1 } });
    try {
      const load = ({ problem, state }: (typeof starts)[number]) => gpu.load(problem, state);
      const [, ...others] = await Promise.all(starts.map(load));
      // There is room for as many again.
      for (const { network } of others) gpu.free(network);
      const loading = Promise.all(starts.slice(1).map(load));
      // The first of them are on the device then.
      await setImmediate();
      await gpu.quiesce();
      expect((await loading).map(({ current }) => current)).toEqual(others.map(({ current }) => current));
    } finally {
      gpu.destroy();
    }
  },
);

it.skipIf(softwareAdapterMissing)(
  "a network that diverges long after its state was last kept is left as after its last good step",
  async () => {
    const { problem, state } = makeStart(
      choiceOf({ modulus: 3, width: 5, activation: "exp", optimizer: "sgd" }),
    );
    const wild = { problem: { ...problem, optimizer: { ...problem.optimizer, learningRate: 3 } }, state };
    const [diverged] = await advanceAll([wild], [3000]);
    expect(diverged.diverged).toBe(true);
    // So that what it goes back to is not what it began with.
    expect(diverged.steps).toBeGreaterThan(2 * leastBetween);
    const [good] = await advanceAll([wild], [diverged.steps]);
    expect(good.diverged).toBe(false);
    expect(diverged.bits).toEqual(good.bits);
    expect(diverged.trace).toEqual(good.trace);
  },
);
