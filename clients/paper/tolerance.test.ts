import { expect, test } from "vitest";
import { absolute, exact, isWithin, none, range, relative, roundingOf } from "./tolerance.ts";

test.each([
  ["0.04767", 5e-6],
  ["1.690e-5", 5e-9],
  ["22", 0.5],
  ["1.000", 5e-4],
])("%s is printed to within %d", (printed, rounding) => {
  expect(roundingOf(printed) / rounding).toBeCloseTo(1, 8);
});

test.each([
  [2.1253, "2.12319", relative(0.001), true],
  [2.1254, "2.12319", relative(0.001), false],
  [0.58, "0.564", absolute(0.02), true],
  [0.54, "0.564", absolute(0.02), false],
  [94 / 133, "0.707", exact, true],
  [93 / 133, "0.707", exact, false],
  [5.49e-7, "4.816e-7", range(4.6e-7, 5.5e-7), true],
  [4.59e-7, "4.816e-7", range(4.6e-7, 5.5e-7), false],
  [1, "1", range(1, 1), true],
  [528 / 529, "1", range(1, 1), false],
  [Number.NaN, "1", relative(1), false],
  [5, "1", none, undefined],
])("%d beside %s, %j: %s", (measured, published, tolerance, within) => {
  expect(isWithin(measured, published, tolerance)).toBe(within);
});
