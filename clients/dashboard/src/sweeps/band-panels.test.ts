import type { SweepBands } from "@grokbox/sdk";
import { expect, test } from "vitest";
import { bandColumns, bandCurves, bandPanels } from "./band-panels.ts";

const point = (step: number, median: number) => ({
  ...{ step, median, runs: 3 },
  lowerQuartile: median / 2,
  upperQuartile: median * 2,
});

const bands: SweepBands = {
  ...{ group: 0, coordinates: {}, runs: 3 },
  measures: {
    trainLoss: [point(0, 4), point(10, 2), point(20, 0)],
    testLoss: [point(0, 4), point(20, 3)],
    trainAccuracy: [point(0, 0), point(10, 0.5)],
    ipr: [],
  },
};
const [loss, accuracy, frequencies] = bandPanels;

test("a curve has a median between its quartiles at each step that any curve has, without step 0", () => {
  const curves = bandCurves(loss!, bands);
  expect(curves.map(({ name }) => name)).toEqual(["train", "test"]);
  // On an axis of decades there is no 0.
  expect(bandColumns(bands, curves, "decades")).toEqual([
    [10, 20],
    [2, null],
    [4, null],
    [1, null],
    [null, 3],
    [null, 6],
    [null, 1.5],
  ]);
});

test("a measure that no run has is no curve", () => {
  expect(bandCurves(accuracy!, bands).map(({ measure }) => measure)).toEqual(["trainAccuracy"]);
  expect(bandCurves(frequencies!, bands)).toEqual([]);
});
