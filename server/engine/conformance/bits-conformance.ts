import { describe, expect, it } from "vitest";
import { type Choice, startsWithin } from "./arbitrary-problem.ts";
import type { EngineUnderTest, OpenedEngine } from "./engine-conformance.ts";
import { small } from "./example-starts.ts";
import { bitsOf, finalBits, finalState } from "./state-bits.ts";

/** The same bits, however the steps were made. */
export function describeBits(opened: OpenedEngine, { open, threads, limits }: EngineUnderTest): void {
  const startOf = startsWithin(limits);
  describe("bits", () => {
    const choices: Choice[] = [
      { ...small, modulus: 23, width: 100, trainFraction: 0.75 },
      { ...small, task: "subtract", activation: "gelu", trainFraction: 0.5 },
      { ...small, activation: "x^2", optimizer: { kind: "sgd", learningRate: 0.1, weightDecay: 0.01 } },
    ];

    it.each(choices)(
      "are the same for 1 x 1,000 steps, 1,000 x 1 and uneven cuts: $activation",
      async (choice) => {
        const start = startOf(choice);
        const whole = await finalBits(opened.engine, start, [1000]);
        expect(whole.step).toBe(1000);
        expect(await finalBits(opened.engine, start, new Array(1000).fill(1))).toEqual(whole);
        expect(await finalBits(opened.engine, start, [1, 331, 7, 661])).toEqual(whole);
      },
    );

    it.each(choices)("are the same through readState and open: $activation", async (choice) => {
      const start = startOf(choice);
      const whole = await finalBits(opened.engine, start, [300]);
      let { state } = start;
      for (const steps of [100, 1, 199])
        state = await finalState(opened.engine, { ...start, state }, [steps]);
      expect(bitsOf(state)).toEqual(bitsOf(await finalState(opened.engine, start, [300])));
      expect(bitsOf(state)).toEqual({ ...whole, traces: undefined });
    });

    it.runIf(threads.length > 1)("are the same on any number of threads", async () => {
      const start = startOf({ ...choices[0], width: 300 });
      const runs = [];
      for (const count of threads) {
        const other = await open(count);
        runs.push(await finalBits(other, start, [200]));
        await other.close();
      }
      for (const run of runs) expect(run).toEqual(runs[0]);
    });

    it("are the same beside other trainers", async () => {
      const start = startOf({ ...choices[0], width: 200 });
      const alone = await finalBits(opened.engine, start, [300, 300]);
      const together = await Promise.all([
        finalBits(opened.engine, start, [300, 300]),
        finalBits(opened.engine, startOf(choices[1]), [200, 200]),
        finalBits(opened.engine, start, new Array(60).fill(10)),
      ]);
      expect(together[0]).toEqual(alone);
      expect(together[2]).toEqual(alone);
    });
  });
}
