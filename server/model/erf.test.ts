import fc from "fast-check";
import { expect, test } from "vitest";
import { erf, erfc } from "./erf.ts";

test.each([
  [0, 0],
  [1e-300, 1.1283791670955126e-300],
  [0.1, 0.1124629160182849],
  [0.5, 0.5204998778130465],
  [1, 0.8427007929497149],
  [1.9999, 0.9953201979070294],
  [2, 0.9953222650189527],
  [3, 0.9999779095030014],
  [6, 1],
  [Number.POSITIVE_INFINITY, 1],
])("erf(%d) is %d to full double precision", (x, value) => {
  expect(Math.abs(erf(x) - value)).toBeLessThanOrEqual(4 * 2 ** -53 * value);
  expect(erf(-x)).toBe(-erf(x));
});

test.each([
  [0.3, 0.6713732405408726],
  [1, 0.15729920705028513],
  [2, 0.004677734981047265],
  [2.5, 0.0004069520174449589],
  [5, 1.5374597944280351e-12],
  [10, 2.088487583762545e-45],
  [20, 5.3958656116079005e-176],
  [26, 5.663192408856143e-296],
])("erfc(%d) keeps relative precision", (x, value) => {
  expect(Math.abs(erfc(x) / value - 1)).toBeLessThan(1e-13);
});

test("erf and erfc add up to 1", () => {
  fc.assert(
    fc.property(fc.double({ min: -30, max: 30, noNaN: true }), (x) => {
      expect(Math.abs(erf(x) + erfc(x) - 1)).toBeLessThanOrEqual(2 ** -51);
    }),
  );
});
