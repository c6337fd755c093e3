import type { ProgressPoint } from "@grokbox/sdk";
import { expect, test } from "vitest";
import { columnsOf } from "./columns.ts";
import { panels, shownCurves } from "./panels.ts";

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

const [loss, accuracy] = panels as [(typeof panels)[0], (typeof panels)[0]];

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
