import { expect, test } from "vitest";
import { meanOfPresent, medianOfPresent } from "./present-values.ts";

test("aggregates pass over what doesn't exist", () => {
  expect(meanOfPresent([1, undefined, 4])).toBe(2.5);
  expect(medianOfPresent([10, undefined, 9, 100])).toBe(10);
  expect(medianOfPresent([10, 9, 100, 11])).toBe(10.5);
});

test("of nothing there is no aggregate", () => {
  expect(meanOfPresent([undefined])).toBeUndefined();
  expect(medianOfPresent([])).toBeUndefined();
});
