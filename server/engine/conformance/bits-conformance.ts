import { describe, expect, it } from "vitest";
import { type Choice, distinctWithin, makeStart, startsWithin } from "./arbitrary-problem.ts";
import { type EngineUnderTest, middlingSteps, type OpenedEngine } from "./engine-conformance.ts";
import { adamw, choiceOf, small } from "./example-starts.ts";
import { bitsOf, finalBits, finalState } from "./state-bits.ts";

const grokfast = { alpha: 0.98, lambda: 2 };

/** The same bits, however the steps were made. */
export function describeBits(opened: OpenedEngine, subject: EngineUnderTest): void {
  const { open, threads, shapes, steps = 1000 } = subject;
  const startOf = startsWithin(subject);
  const third = Math.floor(steps / 3);
  const middling = middlingSteps(subject);
  describe("bits", () => {
    const choices: Choice[] = [
      { ...small, modulus: 23, width: 100, trainFraction: 0.75 },
      { ...small, task: "subtract", activation: "gelu", trainFraction: 0.5 },
      { ...small, activation: "x^2", optimizer: { kind: "sgd", learningRate: 0.1, weightDecay: 0.01 } },
      { ...small, modulus: 23, width: 100, trainFraction: 0.75, dimension: 29, activation: "abs" },
      {
        ...small,
        activation: "softplus2",
        optimizer: { kind: "sgd", learningRate: 0.1, weightDecay: 0.01, grokfast },
      },
      { ...small, activation: "exp", dimension: 16, optimizer: { ...adamw, grokfast } },
    ];
    const distinct = distinctWithin(subject, choices);

    it.each(shapes?.filter(({ isSlow }) => !isSlow).map(choiceOf) ?? [])(
      "are the same one by one, beside another and through readState: p = $modulus, M = $width, $activation",
      async (choice) => {
        const start = makeStart({ ...choice, trainFraction: 0.75, warmupSteps: 1 });
        const other = makeStart({ ...choice, seed: 1 });
        const [whole] = await Promise.all([
          finalBits(opened.engine, start, [6]),
          finalBits(opened.engine, other, [2, 3]),
        ]);
        expect(await finalBits(opened.engine, start, [1, 1, 3, 1])).toEqual(whole);
        const state = await finalState(opened.engine, start, [4]);
        expect(bitsOf(await finalState(opened.engine, { ...start, state }, [2]))).toEqual({
          ...whole,
          traces: undefined,
        });
      },
    );

    it.each(distinct)(
      `are the same for 1 x ${steps} steps, ${steps} x 1 and uneven cuts: $activation`,
      async (choice) => {
        const start = startOf(choice);
        const whole = await finalBits(opened.engine, start, [steps]);
        expect(whole.step).toBe(steps);
        expect(await finalBits(opened.engine, start, new Array(steps).fill(1))).toEqual(whole);
        expect(await finalBits(opened.engine, start, [1, third - 2, 7, steps - third - 6])).toEqual(whole);
      },
    );

    it.each(distinct)("are the same through readState and open: $activation", async (choice) => {
      const start = startOf(choice);
      const whole = await finalBits(opened.engine, start, [middling]);
      let { state } = start;
      // Also at once, when the averages of the gradient have not begun.
      for (const cuts of [[], [middling / 3], [1], [(2 * middling) / 3 - 1]])
        state = await finalState(opened.engine, { ...start, state }, cuts);
      expect(bitsOf(state)).toEqual(bitsOf(await finalState(opened.engine, start, [middling])));
      expect(bitsOf(state)).toEqual({ ...whole, traces: undefined });
    });

    it.runIf(threads.length > 1).each([choices[0], choices[3], choices[5]])(
      "are the same on any number of threads: $activation",
      async (choice) => {
        const start = startOf({ ...choice, modulus: 23, width: 300 });
        const runs = [];
        for (const count of threads) {
          const other = await open(count);
          runs.push(await finalBits(other, start, [200]));
          await other.close();
        }
        for (const run of runs) expect(run).toEqual(runs[0]);
      },
    );

    it("are the same beside other trainers", async () => {
      const start = startOf({ ...choices[0], width: 200 });
      const alone = await finalBits(opened.engine, start, [middling, middling]);
      const together = await Promise.all([
        finalBits(opened.engine, start, [middling, middling]),
        finalBits(opened.engine, startOf(choices[3]), [(2 * middling) / 3, (2 * middling) / 3]),
        finalBits(opened.engine, start, new Array(middling / 5).fill(10)),
      ]);
      expect(together[0]).toEqual(alone);
      expect(together[2]).toEqual(alone);
    });
  });
}
