import fc from "fast-check";
import { expect, test } from "vitest";
import { float32Angle, wrapAngle } from "./angle.ts";

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

test("an angle of any size keeps its direction, however many turns it is away", () => {
  fc.assert(
    fc.property(fc.double({ noNaN: true, noDefaultInfinity: true }), (angle) => {
      const wrapped = wrapAngle(angle);
      expect(wrapped).toBeGreaterThanOrEqual(-Math.PI);
      expect(wrapped).toBeLessThan(Math.PI);
      expect(Math.abs(Math.cos(wrapped) - Math.cos(angle))).toBeLessThan(1e-14);
      expect(Math.abs(Math.sin(wrapped) - Math.sin(angle))).toBeLessThan(1e-14);
    }),
    { examples: [[1e17], [1e20], [-1e20], [Number.MAX_VALUE]] },
  );
});

test("an angle is in [-pi, pi) in float32 too, as near as it can be", () => {
  const below = (angle: number) => angle * (1 - 2 ** -53);
  const largest = 3.141592502593994;
  expect([-Math.PI, below(-Math.PI), below(Math.PI), Math.PI - 1e-8].map(float32Angle)).toEqual([
    -largest,
    -largest,
    largest,
    largest,
  ]);
  fc.assert(
    fc.property(fc.double({ min: -Math.PI, max: below(Math.PI), noNaN: true }), (angle) => {
      const rounded = float32Angle(angle);
      expect(Math.fround(rounded)).toBe(rounded);
      expect(rounded >= -Math.PI && rounded < Math.PI).toBe(true);
      expect(Math.abs(rounded - angle)).toBeLessThan(2 ** -22);
    }),
  );
});
