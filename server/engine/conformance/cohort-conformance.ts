import { describe, expect, it } from "vitest";
import type { Engine, Member, Trainer } from "../engine.ts";
import { type Choice, type Start, startsWithin } from "./arbitrary-problem.ts";
import { type EngineUnderTest, middlingSteps, type OpenedEngine } from "./engine-conformance.ts";
import { adamw, small } from "./example-starts.ts";
import { bitsOf, finalState } from "./state-bits.ts";

const shape: Choice = { ...small, modulus: 23, width: 100, trainFraction: 0.75 };

const embedded = { dimension: 20, optimizer: { ...adamw, grokfast: { alpha: 0.9, lambda: 1 } } };

/** Goes well for some hundred steps, then its loss overflows. */
const diverging: Choice = {
  ...shape,
  activation: "x^4",
  optimizer: { kind: "sgd", learningRate: 1000, weightDecay: 0 },
  warmupSteps: 300,
};

/** Cohorts: many trainers in one call. */
export function describeCohorts(opened: OpenedEngine, subject: EngineUnderTest): void {
  const { open, threads, ahead = 2, sideBySide = false } = subject;
  const startOf = startsWithin(subject);
  const middling = middlingSteps(subject);
  describe("a cohort", () => {
    it.each(threads)("has the bits and traces of each alone, at uneven lengths, on %s threads", async (n) => {
      const engine = n === undefined ? opened.engine : await open(n);
      const lengths = [200, 1, 37, 90, 200, 13, 150, 64].map((steps) => Math.ceil((steps * middling) / 300));
      const starts = lengths.map((_, seed) => startOf({ ...shape, ...(seed % 2 ? {} : embedded), seed }));
      const alone = [];
      for (const [i, start] of starts.entries()) {
        const trainer = await engine.open(start.problem, start.state);
        alone.push(await trainer.advance(lengths[i], options(lengths[i])));
        trainer.close();
      }
      const trainers = await openAll(engine, starts);
      const cohort = trainers.map((trainer, i) => ({
        trainer,
        steps: lengths[i],
        options: options(lengths[i]),
      }));
      expect(await Promise.all(engine.advance(cohort))).toEqual(alone);
      for (const [i, trainer] of trainers.entries()) {
        expect(bitsOf(await trainer.readState())).toEqual(
          bitsOf(await finalState(engine, starts[i], [lengths[i]])),
        );
        trainers[i].close();
      }
      if (n !== undefined) await engine.close();
    });

    it("of one is that trainer alone, and of none is nothing", async () => {
      const start = startOf(shape);
      const [trainer] = await openAll(opened.engine, [start]);
      expect(opened.engine.advance([])).toEqual([]);
      await Promise.all(opened.engine.advance([{ trainer, steps: 50 }]));
      expect(bitsOf(await trainer.readState())).toEqual(bitsOf(await finalState(opened.engine, start, [50])));
      trainer.close();
    });

    it("may change its members and its size from call to call", async () => {
      const { engine } = opened;
      const starts = [0, 1, 2, 3].map((seed) => startOf({ ...shape, seed }));
      const trainers = await openAll(engine, starts);
      const made = [0, 0, 0, 0];
      for (const round of [[0, 1, 2, 3], [0, 3], [1], [2, 1, 0], [3, 2]]) {
        for (const i of round) made[i] += 20 + i;
        await Promise.all(engine.advance(round.map((i) => ({ trainer: trainers[i], steps: 20 + i }))));
      }
      await expectBits(engine, trainers, starts, made);
    });

    it("goes on when one diverges, which is left at its last finite state", async () => {
      const { engine } = opened;
      const starts = [startOf(shape), startOf(diverging), startOf({ ...shape, seed: 1 })];
      const trainers = await openAll(engine, starts);
      const results = await Promise.all(engine.advance(trainers.map((trainer) => ({ trainer, steps: 300 }))));
      expect(results.map(({ diverged }) => diverged)).toEqual([false, true, false]);
      expect(results[0].steps).toBe(300);
      expect(results[1].steps).toBeLessThan(300);
      await expectBits(
        engine,
        trainers,
        starts,
        results.map(({ steps }) => steps),
      );
    });

    it("goes on when one is stopped on the way, which keeps what it did", async () => {
      const { engine } = opened;
      const starts = [0, 1, 2].map((seed) => startOf({ ...shape, seed }));
      const trainers = await openAll(engine, starts);
      const stop = new AbortController();
      const running = engine.advance([
        { trainer: trainers[0], steps: 1e9, options: { signal: stop.signal } },
        { trainer: trainers[1], steps: middling + 100 },
        { trainer: trainers[2], steps: middling + 200 },
      ]);
      setTimeout(() => stop.abort(), 30);
      const results = await Promise.all(running);
      expect(results.map(({ steps }) => steps).slice(1)).toEqual([middling + 100, middling + 200]);
      await expectBits(
        engine,
        trainers,
        starts,
        results.map(({ steps }) => steps),
      );
    });

    it.skipIf(sideBySide)(
      "lets go at once of one that is stopped while it waits, with no step made",
      async () => {
        const { engine } = opened;
        const size = engine.threads + ahead;
        const starts = Array.from({ length: size }, (_, seed) => startOf({ ...shape, seed }));
        const trainers = await openAll(engine, starts);
        const stopLast = new AbortController();
        const stopRest = new AbortController();
        const running = engine.advance(
          trainers.map((trainer, i): Member => {
            const { signal } = i === size - 1 ? stopLast : stopRest;
            return { trainer, steps: 1e9, options: { signal } };
          }),
        );
        setTimeout(() => stopLast.abort(), 10);
        expect((await running[size - 1]).steps).toBe(0);
        stopRest.abort();
        const steps = (await Promise.all(running)).map((result) => result.steps);
        await expectBits(engine, trainers, starts, steps);
      },
    );

    it("fails only those whose arguments are wrong or that are closed", async () => {
      const { engine } = opened;
      const start = startOf(shape);
      const [good, wrong, closed] = await openAll(engine, [start, start, start]);
      closed.close();
      const results = await Promise.allSettled(
        engine.advance([
          { trainer: wrong, steps: 0 },
          { trainer: good, steps: 40 },
          { trainer: closed, steps: 40 },
        ]),
      );
      expect(results.map(({ status }) => status)).toEqual(["rejected", "fulfilled", "rejected"]);
      await expectBits(engine, [good], [start], [40]);
      await expect(wrong.advance(1, { cohort: 0 })).rejects.toThrow("cohort");
      wrong.close();
    });
  });
}

/** Copies and measures on the way, where there is room. */
function options(steps: number) {
  const at = [1, 7, 30, 64, 150].filter((after) => after <= steps);
  return { weightsAt: at, measureAt: at };
}

function openAll(engine: Engine, starts: readonly Start[]): Promise<Trainer[]> {
  return Promise.all(starts.map(({ problem, state }) => engine.open(problem, state)));
}

/** Each trainer stands, to the bit, where so many steps alone lead; closes them. */
async function expectBits(
  engine: Engine,
  trainers: readonly Trainer[],
  starts: readonly Start[],
  steps: readonly number[],
): Promise<void> {
  for (const [i, trainer] of trainers.entries()) {
    expect(trainer.step).toBe(steps[i]);
    const cuts = steps[i] === 0 ? [] : [steps[i]];
    expect(bitsOf(await trainer.readState())).toEqual(bitsOf(await finalState(engine, starts[i], cuts)));
    trainer.close();
  }
}
