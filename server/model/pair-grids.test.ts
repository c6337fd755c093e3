import fc from "fast-check";
import { expect, test } from "vitest";
import { evaluateLogits, logits } from "./evaluation.ts";
import { drawSplit } from "./initial-state.ts";
import { PairClass, pairClasses } from "./pair-class.ts";
import { pairGrids, predictedPlateau } from "./pair-grids.ts";
import { presets } from "./presets.ts";
import { labels, tasks } from "./task.ts";
import { classesOf, networks } from "./testing/networks.ts";

test("grids have the accuracies and losses of the evaluation, class by class", () => {
  const cases = networks.chain((network) =>
    fc.record({ network: fc.constant(network), classes: classesOf(network.modulus) }),
  );
  fc.assert(
    fc.property(cases, fc.constantFrom(...tasks), ({ network: layers, classes }, task) => {
      const network = { ...layers, activation: "relu" as const };
      const { modulus } = network;
      const values = logits(network);
      const truth = labels(task, modulus);
      const scores = evaluateLogits(values, truth, classes, modulus);
      const { correct, probability } = pairGrids(values, truth, modulus);
      const mean = (grid: ArrayLike<number>, ...wanted: number[]) => {
        const pairs = [...classes.keys()].filter((pair) => wanted.includes(classes[pair]));
        return pairs.reduce((sum, pair) => sum + grid[pair], 0) / pairs.length;
      };
      const { common, rare, partner, heldOut } = PairClass;
      for (const name of ["common", "rare", "partner", "heldOut"] as const) {
        if (scores[name] !== undefined) expect(mean(correct, PairClass[name])).toBeCloseTo(scores[name], 12);
      }
      const surprise = probability!.map((share) => -Math.log(share));
      if (scores.trainLoss! < 50) expect(mean(surprise, common, rare)).toBeCloseTo(scores.trainLoss!, 4);
      if (scores.testLoss! < 50) expect(mean(surprise, partner, heldOut)).toBeCloseTo(scores.testLoss!, 4);
    }),
    { numRuns: 300 },
  );
});

test("logits that are not numbers are right nowhere and have no probabilities", () => {
  const grids = pairGrids(new Float64Array(6 * 3).fill(Number.NaN), labels("add", 3), 3);
  expect([...grids.correct]).toEqual(Array(9).fill(0));
  expect(grids.probability).toBeUndefined();
});

test("one infinite logit is as right as the evaluation has it; two of them are not", () => {
  const values = new Float64Array(6 * 3);
  for (let row = 0; row < 6; row++) values[3 * row] = Number.POSITIVE_INFINITY;
  const truth = labels("add", 3);
  const all = pairClasses(new Uint8Array(9).fill(1), 3);
  const { correct, probability } = pairGrids(values, truth, 3);
  // All but the pairs whose sum is 0 are wrong.
  expect([...correct]).toEqual([1, 0, 0, 0, 0, 1, 0, 1, 0]);
  expect(evaluateLogits(values, truth, all, 3).trainAccuracy).toBe(3 / 9);
  expect(probability).toBeUndefined();
  for (let row = 0; row < 6; row++) values[3 * row + 1] = Number.POSITIVE_INFINITY;
  expect([...pairGrids(values, truth, 3).correct]).toEqual(Array(9).fill(0));
  expect(evaluateLogits(values, truth, all, 3).trainAccuracy).toBe(0);
});

test("the plateau of the grokking run is 94 of 133; there is none without a test set", () => {
  const plateau = (preset: "grokking" | "standard") =>
    predictedPlateau(pairClasses(drawSplit(presets[preset].spec), 23), labels("add", 23), 23);
  expect(plateau("grokking")).toBe(94 / 133);
  expect(plateau("standard")).toBeUndefined();
});

test("symmetry brings partner pairs of a task that doesn't change with the order, and none of subtraction", () => {
  const classes = pairClasses(drawSplit(presets.grokking.spec), 23);
  const plateau = (task: (typeof tasks)[number]) => predictedPlateau(classes, labels(task, 23), 23);
  expect(plateau("x^2+xy+y^2")).toBe(94 / 133);
  expect(plateau("subtract")).toBe(0);
});
