import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { logits } from "../../model/evaluation.ts";
import { Float32ReferenceTrainer } from "../../model/float32-reference.ts";
import {
  arraysOf,
  type NetworkState,
  type StateArrayName,
  trainedWeights,
} from "../../model/network-state.ts";
import { gradients, OracleTrainer } from "../../model/oracle.ts";
import { activations } from "../../model/spec.ts";
import type { Problem, TrainerState } from "../engine.ts";
import { arbitraryChoice, type Choice, type Limits, startsWithin } from "./arbitrary-problem.ts";
import { difference, frobenius, relativeDistance } from "./distance.ts";
import type { EngineUnderTest, OpenedEngine } from "./engine-conformance.ts";
import { adamw, choiceOf, idealNetwork, small } from "./example-starts.ts";
import { correctCounts, expectClose, firstRow } from "./expectations.ts";
import { finalState } from "./state-bits.ts";

/** Fails unless a plain float32 program too has no finite losses one step after the state, which was reported to be the last. */
function expectDivergence(problem: Problem, last: TrainerState): void {
  const reference = new Float32ReferenceTrainer(problem, last);
  expect(Number.isFinite(reference.gradients().trainLoss)).toBe(true);
  reference.step();
  const { trainLoss, testLoss = 0 } = reference.gradients();
  expect(Number.isFinite(trainLoss + testLoss)).toBe(false);
}

/** Makes a step of the oracle's, and fails unless a state with averages has its averages, within 1e-5 of what they come from. */
function expectAverages(made: TrainerState, oracle: OracleTrainer, { averages }: TrainerState): void {
  const { gradientNorm } = oracle.step();
  const due = arraysOf(oracle.state);
  const size = gradientNorm + frobenius(...Object.values(averages ?? {}));
  for (const [name, values] of Object.entries(made.averages ?? {})) {
    expect(frobenius(difference(values, due[name as StateArrayName]!)), name).toBeLessThanOrEqual(
      1e-5 * size,
    );
  }
}

/**
 * The oracle's state after a step whose gradients are off by 2^-22 of their root mean square, which no float32 sum resolves. It matters
 * where terms cancelled in every step so far: AdamW divides what is left of such an element by its own size.
 */
function withRoundedGradients(problem: Problem, state: TrainerState): NetworkState<Float64Array> {
  const oracle = new OracleTrainer(problem, state);
  const exact = oracle.gradients();
  const count = trainedWeights(state).reduce((sum, { length }) => sum + length, 0);
  const error = (exact.gradientNorm / Math.sqrt(count)) * 2 ** -22;
  const off = (slope: number) => slope - Math.sign(slope) * error;
  const { embedding, projection } = exact.factorGradients ?? {};
  oracle.step({
    ...exact,
    thetaGradient: exact.thetaGradient.map(off),
    xiGradient: exact.xiGradient.map(off),
    ...(embedding &&
      projection && { factorGradients: { embedding: embedding.map(off), projection: projection.map(off) } }),
  });
  return oracle.state;
}

/** One step and a hundred, against the same mathematics in float64. */
export function describeAccuracy(opened: OpenedEngine, { lacks, shapes, isBrief }: EngineUnderTest): void {
  const isLong = process.env.LONG_TESTS !== undefined;
  const quick = shapes?.slice(0, 2);
  const startOf = startsWithin({ lacks });
  /** Of every shape that there is, and of choices at random. */
  const check = async (limits: Limits, property: (choice: Choice) => Promise<void>, among = shapes) => {
    for (const shape of among ?? []) await property({ ...choiceOf(shape), trainFraction: 0.75 });
    const numRuns = among ? (isLong ? among.length : 2) : 40;
    await fc.assert(fc.asyncProperty(arbitraryChoice(limits, among), property), { numRuns });
  };

  describe("against the float64 oracle", () => {
    it("has the losses, counts and gradient norm of the state it opens", async () => {
      await check({ mostModulus: 23, mostWidth: 70 }, async (choice) => {
        const { problem, state } = startOf(choice);
        const trainer = await opened.engine.open(problem, state);
        const truth = new OracleTrainer(problem, state).gradients();
        const row = firstRow(trainer.current);
        trainer.close();
        expectClose(row.trainLoss, truth.trainLoss, 1e-5);
        expectClose(row.testLoss, truth.testLoss ?? Number.NaN, 1e-5);
        expectClose(row.gradientNorm, truth.gradientNorm, 1e-5);
        expectClose(row.parameterNorm, frobenius(...trainedWeights(state)), 1e-5);
        expect(correctCounts(trainer.current)).toEqual(truth.correct);
      });
    });

    it("has one step's gradients within 1e-5 of them", async () => {
      const among = shapes?.filter(({ optimizer }) => optimizer === "adamw");
      const gradientsOf = async (choice: Choice) => {
        const { problem, state } = startOf(choice);
        // From zero, the first moment after an update is (1 - beta1) times the gradient.
        const optimizer = { ...adamw, learningRate: 1e-3 };
        const trainer = await opened.engine.open({ ...problem, optimizer }, state);
        await trainer.advance(1);
        const { moments } = await trainer.readState();
        trainer.close();
        const { thetaGradient, xiGradient, factorGradients } = new OracleTrainer(problem, state).gradients();
        const { embedding, projection } = factorGradients ?? {};
        for (const [moment, gradient] of [
          [moments!.xiFirst, xiGradient],
          [moments!.thetaFirst, factorGradients ? undefined : thetaGradient],
          [moments!.embeddingFirst, embedding],
          [moments!.projectionFirst, projection],
        ]) {
          expect(moment === undefined).toBe(gradient === undefined);
          if (!moment || !gradient) continue;
          const scaled = Float64Array.from(moment, (value) => value / (1 - optimizer.beta1));
          expect(relativeDistance([scaled], [gradient])).toBeLessThan(1e-5);
        }
      };
      await check({ mostModulus: 23, mostWidth: 70 }, gradientsOf, among);
    });

    it("makes one update within 1e-5 of theirs, but for rounding weights and gradients to float32", async () => {
      await check({ mostModulus: 17, mostWidth: 50 }, async (choice) => {
        // A few steps on, where the moments are not zero and the warm-up has begun.
        const { problem, state } = startOf(choice);
        const trainer = await opened.engine.open(problem, state);
        await trainer.advance(1);
        expectAverages(await trainer.readState(), new OracleTrainer(problem, state), state);
        await trainer.advance(2);
        const before = await trainer.readState();
        const { diverged } = await trainer.advance(1);
        const after = await trainer.readState();
        trainer.close();
        if (diverged) return expectDivergence(problem, after);
        const oracle = new OracleTrainer(problem, before);
        expectAverages(after, oracle, before);
        const start = trainedWeights(before);
        const made = trainedWeights(after).map((weights, i) => difference(weights, start[i]));
        const due = trainedWeights(oracle.state).map((weights, i) => difference(weights, start[i]));
        const rounding = (frobenius(...trainedWeights(after)) / frobenius(...due)) * 2 ** -24;
        const nearby = withRoundedGradients(problem, before);
        const moved = trainedWeights(nearby).map((weights, i) => difference(weights, start[i]));
        const conditioning = relativeDistance(moved, due);
        expect(relativeDistance(made, due)).toBeLessThan(1e-5 + 2 * rounding + conditioning);
        expect(after.averages === undefined).toBe(problem.optimizer.grokfast === undefined);
      });
    });

    it("is after 100 steps within 4 times the error of a plain float32 program", async () => {
      await fc.assert(
        fc.asyncProperty(arbitraryChoice({ mostModulus: 11, mostWidth: 40 }, quick), async (choice) => {
          // Steps amplify rounding errors, those of a lucky program little: three starts together tell more than one.
          const errors = { engine: 0, ordinary: 0 };
          for (const seed of [choice.seed, choice.seed + 1, choice.seed + 2]) {
            const { problem, state } = startOf({ ...choice, seed });
            const oracle = new OracleTrainer(problem, state);
            const reference = new Float32ReferenceTrainer(problem, state);
            for (let step = 0; step < 100; step++) {
              oracle.step();
              reference.step();
            }
            const truth = [oracle.theta, oracle.xi];
            errors.ordinary += relativeDistance([reference.theta, reference.xi], truth);
            // Where float32 has lost the trajectory altogether, there is nothing to compare.
            fc.pre(errors.ordinary < 1e-2);
            const { theta, xi } = await finalState(opened.engine, { problem, state }, [100]);
            errors.engine += relativeDistance([theta, xi], truth);
          }
          expect(errors.engine).toBeLessThan(Math.max(4 * errors.ordinary, 3e-6));
        }),
        { numRuns: (quick ? 6 : 12) / (isLong ? 1 : isBrief ? 3 : 2), seed: 1 },
      );
    });

    it.each(activations)("evaluates logits in float64 with %s", async (activation) => {
      const { problem, state } = startOf({ ...small, activation, modulus: 13, width: 45 });
      const network = { ...problem, ...state };
      const truth = logits(network);
      expect(relativeDistance([await opened.engine.logits(network)], [truth])).toBeLessThan(1e-12);
      const doubles = { theta: Float64Array.from(state.theta), xi: Float64Array.from(state.xi) };
      const again = await opened.engine.logits({ ...network, ...doubles });
      expect(relativeDistance([again], [truth])).toBeLessThan(1e-12);
    });

    it("resolves losses far below the float32 epsilon", async () => {
      const { problem, state } = idealNetwork(shapes ? 11 : 23, 128);
      const trainer = await opened.engine.open(problem, state);
      const truth = gradients(problem, state.theta, state.xi);
      expect(truth.trainLoss).toBeLessThan(1e-13);
      expectClose(trainer.current.trainLoss[0], truth.trainLoss, 1e-3);
      expectClose(trainer.current.gradientNorm[0], truth.gradientNorm, 1e-3);
      trainer.close();
    });
  });
}
