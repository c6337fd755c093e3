import fc from "fast-check";
import { expect, test } from "vitest";
import { makeStart } from "../conformance/arbitrary-problem.ts";
import { choiceOf } from "../conformance/example-starts.ts";
import { Network, type Portion, Request } from "./network.ts";
import type { Pool } from "./pool.ts";
import { checkpoints } from "./pool-memory.ts";
import { traceValues } from "./trace-row.ts";

const { problem, state } = makeStart(
  choiceOf({ modulus: 3, width: 8, activation: "relu", optimizer: "sgd" }),
);

/** Submissions under way before the oldest is waited for, as a lane has them. */
const mostInFlight = checkpoints - 1;

/** A device that counts updates: from so many on, losses are not finite. */
class Device {
  readonly #divergesAt: number;
  readonly #kept: number[] = [];
  updates = 0;

  constructor(divergesAt: number) {
    this.#divergesAt = divergesAt;
  }

  submit({ checkpoint, passes, updates }: Portion): Float32Array {
    if (checkpoint !== undefined) this.#kept[checkpoint] = this.updates;
    const traces = new Float32Array(passes * traceValues);
    for (let i = 0; i < passes; i++) {
      const loss = this.updates + i >= this.#divergesAt ? Number.NaN : 1;
      traces.fill(loss, i * traceValues, i * traceValues + 2);
    }
    this.updates += updates;
    return traces;
  }

  restore(checkpoint: number): void {
    this.updates = this.#kept[checkpoint]!;
  }
}

test("whenever a network diverges and however its steps were cut, it goes back to a state that is still kept", async () => {
  let [diverged, longest] = [0, 0];
  await fc.assert(
    fc.asyncProperty(
      fc.integer({ min: 1, max: 4_000 }),
      fc.integer({ min: 1, max: 5_000 }),
      fc.array(fc.integer({ min: 1, max: 700 }), { minLength: 1, maxLength: 20 }),
      async (steps, divergesAt, cuts) => {
        const device = new Device(divergesAt);
        const network = new Network(problem, {} as Pool, { index: 0 }, state);
        const request = new Request(network, { steps, weightsAt: [], measureAt: [] });
        const inFlight: [Portion, Float32Array][] = [];
        for (let i = 0; ; ) {
          while (inFlight.length < mostInFlight) {
            const checkpoint = request.goesBackTo;
            if (checkpoint !== undefined) {
              device.restore(checkpoint);
              request.wentBack();
            }
            const portion = request.next(cuts[i++ % cuts.length]!, 1);
            if (portion === undefined) break;
            inFlight.push([portion, device.submit(portion)]);
          }
          const oldest = inFlight.shift();
          if (oldest === undefined) break;
          request.take(...oldest, []);
        }
        const made = Math.min(steps, divergesAt - 1);
        const expected = { steps: made, diverged: divergesAt <= steps };
        expect(await request.result).toMatchObject(expected);
        expect(device.updates).toBe(made);
        expect(network.step).toBe(state.step + made);
        if (!expected.diverged) return;
        diverged++;
        longest = Math.max(longest, made);
      },
    ),
    { numRuns: 500 },
  );
  expect(diverged).toBeGreaterThan(0);
  // So long that checkpoints have taken turns.
  expect(longest).toBeGreaterThan(checkpoints * 256);
});
