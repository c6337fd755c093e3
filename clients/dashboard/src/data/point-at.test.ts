import type { ProgressPoint } from "@grokbox/sdk";
import fc from "fast-check";
import { expect, test } from "vitest";
import { carrierAt, indexAt, stepAt } from "./point-at.ts";

const increasing = fc.uniqueArray(fc.nat(1_000)).map((steps) => steps.sort((a, b) => a - b));

test("the last one at or before is found, as a search from the end would", () => {
  fc.assert(
    fc.property(increasing, fc.nat(1_100), (steps, step) => {
      expect(
        indexAt(
          steps.map((each) => ({ step: each })),
          step,
        ),
      ).toBe(steps.findLastIndex((each) => each <= step));
      expect(stepAt(steps, step)).toBe(steps.findLast((each) => each <= step));
    }),
  );
});

test("a measure is shown as of the last point that carries it, if any before does", () => {
  const points = [0, 10, 20, 30].map((step) => {
    const ipr = step % 20 === 0 && step > 0 ? step / 100 : undefined;
    return { step, ipr } as ProgressPoint;
  });
  const at = (index: number) => carrierAt(points, points[index]!, ({ ipr }) => ipr);
  expect([0, 1, 2, 3].map(at)).toEqual([undefined, undefined, points[2], points[2]]);
  // One that is not among those held.
  expect(carrierAt(points, { step: 25 } as ProgressPoint, ({ ipr }) => ipr)).toBe(points[2]);
});
