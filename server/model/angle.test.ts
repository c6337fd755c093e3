import fc from "fast-check";
import { expect, test } from "vitest";
import { wrapAngle } from "./angle.ts";

test("pi wraps to -pi", () => {
  expect(wrapAngle(Math.PI)).toBe(-Math.PI);
  expect(wrapAngle(-Math.PI)).toBe(-Math.PI);
  expect(wrapAngle(3 * Math.PI)).toBeCloseTo(-Math.PI, 14);
});

test("every angle wraps into [-pi, pi), by whole turns", () => {
  fc.assert(
    fc.property(fc.double({ min: -10, max: 10, noNaN: true }), (angle) => {
      const wrapped = wrapAngle(angle);
      expect(wrapped).toBeGreaterThanOrEqual(-Math.PI);
      expect(wrapped).toBeLessThan(Math.PI);
      const turns = (angle - wrapped) / (2 * Math.PI);
      expect(Math.abs(turns - Math.round(turns))).toBeLessThan(1e-14);
    }),
    {
      examples: [Math.PI, 3 * Math.PI, -Math.PI].flatMap((odd) => [
        [odd * (1 - 2 ** -53)],
        [odd * (1 + 2 ** -52)],
      ]) as [number][],
    },
  );
});
