import { describe, expect, it } from "vitest";
import { evaluateLogits, logits } from "../../model/evaluation.ts";
import { productOf } from "../../model/learned-embedding.ts";
import { distinctWithin, makeStart, type Start, startsWithin } from "./arbitrary-problem.ts";
import { relativeDistance } from "./distance.ts";
import { type EngineUnderTest, middlingSteps, type OpenedEngine } from "./engine-conformance.ts";
import { adamw, choiceOf, small } from "./example-starts.ts";
import { expectClose, firstRow, rowOf } from "./expectations.ts";
import { bitsOf, finalState } from "./state-bits.ts";

/** What the calls of an engine and its trainers do: engine.ts. */
export function describeTrainer(opened: OpenedEngine, subject: EngineUnderTest): void {
  const { open, limits, lacks = [], shapes } = subject;
  const startOf = startsWithin(subject);
  const grokfast = { alpha: 0.9, lambda: 2 };
  const optimizer = { kind: "sgd", learningRate: 1000, weightDecay: 0 } as const;
  const diverging = { ...small, activation: "x^4", optimizer, warmupSteps: 10_000 } as const;
  const withOptions = distinctWithin(subject, [
    diverging,
    { ...diverging, dimension: 13 },
    { ...diverging, optimizer: { ...optimizer, grokfast } },
    { ...diverging, dimension: 13, optimizer: { ...optimizer, grokfast } },
  ]);
  describe("advance", () => {
    it("returns one trace row a step, each the row that opening that state gives", async () => {
      const { problem, state } = startOf({ ...small, trainFraction: 0.75 });
      const trainer = await opened.engine.open(problem, state);
      const { trace, steps } = await trainer.advance(20, { weightsAt: [20] });
      expect(steps).toBe(20);
      expect(trainer.step).toBe(20);
      for (const column of Object.values(trace)) expect(column).toHaveLength(20);
      expect(firstRow(trainer.current)).toEqual(rowOf(trace, 19));
      const reopened = await opened.engine.open(problem, await trainer.readState());
      expect(firstRow(reopened.current)).toEqual(rowOf(trace, 19));
      expect(reopened.step).toBe(20);
      trainer.close();
      reopened.close();
    });

    it("agrees with the float64 evaluation of the weights it returns", async () => {
      const { problem, state } = startOf({ ...small, trainFraction: 0.75, width: 60 });
      const trainer = await opened.engine.open(problem, state);
      const { weights } = await trainer.advance(150, { weightsAt: [150] });
      const network = { ...problem, ...weights[0] };
      const truth = evaluateLogits(logits(network), problem.labels, problem.classes, problem.modulus);
      expectClose(trainer.current.trainLoss[0], truth.trainLoss!, 1e-5);
      expectClose(trainer.current.testLoss[0], truth.testLoss!, 1e-5);
      trainer.close();
    });

    it("copies out the weights of any states on the way, changing no bit", async () => {
      const start = startOf({ ...small, trainFraction: 0.75 });
      const trainer = await opened.engine.open(start.problem, start.state);
      const steps = middlingSteps(subject);
      const weightsAt = [1, 2, ...Array.from({ length: steps / 10 }, (_, i) => 5 + 7 * i), steps];
      const { weights } = await trainer.advance(steps + 10, { weightsAt });
      expect(weights).toHaveLength(weightsAt.length);
      for (const i of [0, 1, 2, 10, weightsAt.length - 1]) {
        const { theta, xi } = await finalState(opened.engine, start, [weightsAt[i]]);
        expect(bitsOf({ step: 0, theta: weights[i].theta, xi: weights[i].xi })).toEqual(
          bitsOf({ step: 0, theta, xi }),
        );
      }
      expect(bitsOf(await trainer.readState())).toEqual(
        bitsOf(await finalState(opened.engine, start, [steps + 10])),
      );
      await expect(trainer.advance(5, { weightsAt: [3, 3] })).rejects.toThrow("weightsAt");
      await expect(trainer.advance(5, { weightsAt: [6] })).rejects.toThrow("weightsAt");
      trainer.close();
    });

    it("ends within a step of its signal, keeping what it did", async () => {
      const start = startOf({ ...small, modulus: 31, width: 300 });
      const trainer = await opened.engine.open(start.problem, start.state);
      const abort = new AbortController();
      setTimeout(() => abort.abort(), 30);
      const begun = performance.now();
      const { steps, diverged } = await trainer.advance(1e9, { signal: abort.signal });
      expect(performance.now() - begun).toBeLessThan(5000);
      expect(diverged).toBe(false);
      expect(steps).toBeGreaterThan(0);
      expect(trainer.step).toBe(steps);
      const state = await trainer.readState();
      trainer.close();
      expect(bitsOf(state)).toEqual(bitsOf(await finalState(opened.engine, start, [steps])));
    });

    it("makes no step when its signal has already fired", async () => {
      const { problem, state } = startOf(small);
      const trainer = await opened.engine.open(problem, state);
      const { steps, weights } = await trainer.advance(9, { signal: AbortSignal.abort(), weightsAt: [9] });
      expect(steps).toBe(0);
      expect(weights).toEqual([]);
      expect((await trainer.advance(5)).steps).toBe(5);
      trainer.close();
    });

    it.each(withOptions)(
      "is left at the last finite state when it diverges: d = $dimension, $optimizer",
      async (choice) => {
        const start = startOf(choice);
        // Cut so that the divergence comes in a later call than the checkpoint it is undone from.
        for (const cuts of [[100_000], new Array(2000).fill(7)]) {
          const trainer = await opened.engine.open(start.problem, start.state);
          const last = await advanceUntilDiverged(trainer, cuts);
          expect(last.diverged).toBe(true);
          const made = trainer.step;
          expect(Number.isFinite(trainer.current.trainLoss[0])).toBe(true);
          const left = await trainer.readState();
          expect(left.step).toBe(made);
          expect(bitsOf(left)).toEqual(bitsOf(await finalState(opened.engine, start, [made])));
          const again = await trainer.advance(3);
          expect(again).toMatchObject({ diverged: true, steps: 0 });
          expect(trainer.step).toBe(made);
          trainer.close();
        }
      },
    );

    it("refuses calls that overlap and calls after close", async () => {
      const { problem, state } = startOf(small);
      const trainer = await opened.engine.open(problem, state);
      const running = trainer.advance(50);
      await expect(trainer.advance(1)).rejects.toThrow(/must not overlap/);
      await expect(trainer.readState()).rejects.toThrow(/must not overlap/);
      await running;
      trainer.close();
      trainer.close();
      await expect(trainer.advance(1)).rejects.toThrow(/closed/);
    });
  });

  describe("shapes", () => {
    it("trains the smallest network", async () => {
      const start = startOf({
        ...small,
        modulus: 3,
        width: 8,
        optimizer: { ...adamw, learningRate: 0.01 },
      });
      const trainer = await opened.engine.open(start.problem, start.state);
      const before = trainer.current.trainLoss[0];
      await trainer.advance(500);
      expect(trainer.current.trainLoss[0]).toBeLessThan(before / 2);
      trainer.close();
    });

    const widest = Math.min(1000, limits?.mostWidth ?? 1000);
    const large = shapes?.filter(({ modulus }) => modulus > 31).map(choiceOf) ?? [
      { ...small, modulus: 97, width: widest },
      { ...small, modulus: 199, width: Math.min(40, widest) },
    ];
    it.each(large)("takes a step at p = $modulus, M = $width", async (choice) => {
      const { modulus } = choice;
      const { problem, state } = makeStart({ ...choice, trainFraction: 0.75 });
      const trainer = await opened.engine.open(problem, state);
      const { weights } = await trainer.advance(2, { weightsAt: [2] });
      const values = await opened.engine.logits({ ...problem, ...weights[0] });
      const truth = evaluateLogits(values, problem.labels, problem.classes, modulus);
      expectClose(trainer.current.trainLoss[0], truth.trainLoss!, 1e-5);
      expectClose(trainer.current.testLoss[0], truth.testLoss!, 1e-5);
      trainer.close();
    });

    it.skipIf(lacks.includes("embedding"))("computes a theta that has factors from them", async () => {
      const { problem, state } = startOf({ ...small, dimension: 5 });
      const trainer = await opened.engine.open(problem, { ...state, theta: state.theta.map(() => 7) });
      const { theta } = await trainer.readState();
      const { trainLoss } = trainer.current;
      trainer.close();
      expect(relativeDistance([theta], [productOf(state.factors!, problem.modulus)])).toBeLessThan(1e-6);
      const reopened = await opened.engine.open(problem, { ...state, theta });
      expect(reopened.current.trainLoss).toEqual(trainLoss);
      reopened.close();
    });

    it("refuses arrays that don't fit the shape", async () => {
      const { problem, state } = startOf(small);
      const wrong: Start[] = [{ problem, state: { ...state, xi: state.xi.slice(1) } }];
      if (!lacks.includes("embedding")) {
        const embedded = startOf({ ...small, dimension: 5 });
        const factors = { ...embedded.state.factors!, embedding: new Float32Array(3) };
        wrong.push({ ...embedded, state: { ...embedded.state, factors } });
        wrong.push({ ...embedded, state });
        wrong.push({ problem, state: embedded.state });
      }
      for (const start of wrong) {
        await expect(opened.engine.open(start.problem, start.state)).rejects.toThrow(RangeError);
      }
    });
  });

  it("lets trainers be abandoned and closes once", async () => {
    const other = await open();
    const { problem, state } = startOf(small);
    const trainer = await other.open(problem, state);
    const running = trainer.advance(100);
    await other.close();
    expect((await running).steps).toBe(100);
    await expect(trainer.advance(1)).rejects.toThrow(/closed/);
    await expect(other.open(problem, state)).rejects.toThrow(/closed/);
    await other.close();
  });
}

async function advanceUntilDiverged(
  trainer: { advance(steps: number): Promise<{ diverged: boolean; steps: number }> },
  cuts: readonly number[],
) {
  for (const steps of cuts) {
    const result = await trainer.advance(steps);
    if (result.diverged) return result;
  }
  throw new Error("it never diverged");
}
