import type { ProgressPoint } from "@grokbox/sdk";
import { expect, test } from "vitest";
import type { Colours } from "../draw/colours.ts";
import { columnsOf, isolated } from "./columns.ts";
import { panels, shownCurves } from "./panels.ts";
import { plotOptions } from "./plot-options.ts";

function point(step: number, values: Partial<ProgressPoint>): ProgressPoint {
  return {
    kind: "point",
    sequence: step + 1,
    step,
    trainLoss: 3,
    trainAccuracy: 0.5,
    accuracy: {},
    parameterNorm: 4,
    gradientNorm: 0.1,
    ...values,
  };
}

const [loss, accuracy, frequencies] = panels as [(typeof panels)[0], (typeof panels)[0], (typeof panels)[0]];

test("a logarithmic axis of steps leaves out step 0, a linear one shows it", () => {
  const points = [point(0, {}), point(50, {})];
  const curves = shownCurves(loss, points[1], false);
  expect(columnsOf(points, curves, loss, false)).toEqual([[50], [3]]);
  expect(columnsOf(points, curves, loss, true)).toEqual([
    [0, 50],
    [3, 3],
  ]);
});

test("what has no logarithm is a gap on a logarithmic axis, and a value on another", () => {
  const points = [point(50, { trainLoss: 0, trainAccuracy: 0 })];
  expect(columnsOf(points, shownCurves(loss, points[0], false), loss, true)).toEqual([[50], [null]]);
  expect(columnsOf(points, shownCurves(accuracy, points[0], false), accuracy, true)).toEqual([[50], [0]]);
});

test("only what a session has gets a curve, and classes when they are asked for", () => {
  const names = (values: Partial<ProgressPoint>, classes: boolean) =>
    shownCurves(accuracy, point(1, values), classes).map(({ name }) => name);
  expect(names({}, true)).toEqual(["train"]);
  expect(names({ testAccuracy: 0.1, accuracy: { heldOut: 0 } }, false)).toEqual(["train", "test"]);
  expect(names({ testAccuracy: 0.1, accuracy: { heldOut: 0 } }, true)).toEqual(["train", "test", "held out"]);
});

test("a curve that not every point carries is shown though the newest doesn't, and its line goes on over the gaps", () => {
  const points = [point(10, { ipr: 0.2 }), point(11, {}), point(20, { ipr: 0.3 }), point(21, {})];
  const curves = shownCurves(frequencies, points.at(-1), false);
  expect(curves.map(({ name }) => name)).toEqual(["IPR", "mean |sin D|"]);
  expect(columnsOf(points, curves, frequencies, true)[1]).toEqual([0.2, null, 0.3, null]);
  const { series } = plotOptions({
    panel: frequencies,
    curves,
    linear: true,
    colours: {} as Colours,
    width: 100,
    height: 100,
    surroundings: () => ({ steps: [0, 21], stages: [], cursor: undefined }),
    onSelect: () => {},
    onHover: () => {},
  });
  expect(series.slice(1).map(({ spanGaps }) => spanGaps)).toEqual([true, true]);
});

test("a value without neighbours is found, for no line shows it", () => {
  expect(isolated([3])).toEqual([0]);
  expect(isolated([null, 1, null, 2, 3, null, 4])).toEqual([1, 6]);
  expect(isolated([null, 1, null, 2], true)).toEqual([]);
  expect(isolated([null, 1, null], true)).toEqual([1]);
});
