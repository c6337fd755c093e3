import fc from "fast-check";
import { expect, test } from "vitest";
import { stepLabels, valueLabel } from "./labels.ts";
import { roundSplits } from "./ranges.ts";

test("steps are told apart by their labels, however closely an axis shows them", () => {
  const zoom = fc
    .tuple(fc.integer({ min: 1, max: 1e7 }), fc.integer({ min: 1, max: 1e6 }))
    .map(([first, length]) => [first, first + length] as const);
  fc.assert(
    fc.property(zoom, ([first, last]) => {
      const labels = stepLabels(roundSplits(first, last, 8).filter(Number.isInteger));
      expect(new Set(labels).size).toBe(labels.length);
    }),
  );
});

test("steps are short where that says all, and written out where it doesn't", () => {
  expect(stepLabels([0, 500, 1_000, 1_250, 20_000, 2_000_000])).toEqual([
    ...["0", "500", "1k", "1.25k", "20k", "2M"],
  ]);
  expect(stepLabels([49_990, null, 49_992])).toEqual(["49,990", "", "49,992"]);
});

test("values have the digits that their marks have, beyond where they are written as powers too", () => {
  expect([1.25e6, 1e6, 7.5e5, 2.5e5, 2.5e-4, 1e34].map(valueLabel)).toEqual([
    ...["1.25·10⁶", "10⁶", "7.5·10⁵", "2.5·10⁵", "2.5·10⁻⁴", "10³⁴"],
  ]);
  expect([0, 0.3, 20, 99_999].map(valueLabel)).toEqual(["0", "0.3", "20", "99999"]);
});
