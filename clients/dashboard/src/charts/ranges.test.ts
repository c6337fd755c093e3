import fc from "fast-check";
import { expect, test } from "vitest";
import { decades, roundUp, stepRange } from "./ranges.ts";

test("a round number is no less, and not much more", () => {
  fc.assert(
    fc.property(fc.double({ min: 1e-9, max: 1e12, noNaN: true }), (value) => {
      const round = roundUp(value);
      expect(round).toBeGreaterThanOrEqual(value * (1 - 1e-9));
      expect(round).toBeLessThanOrEqual(value * 1.34);
    }),
  );
  expect([50_000, 10_000, 1_400, 0].map(roundUp)).toEqual([50_000, 10_000, 1_500, 1]);
});

test("all recorded steps are on the axis, but for step 0 on a logarithmic one", () => {
  const recorded = fc.array(fc.integer({ min: 1, max: 5_000 }), { minLength: 1 }).map((gaps) => {
    let step = 0;
    const later = gaps.map((gap) => {
      step += gap;
      return { step };
    });
    return [{ step: 0 }, ...later];
  });
  fc.assert(
    fc.property(recorded, fc.boolean(), (points, linear) => {
      const [low, high] = stepRange(points, linear, undefined);
      const shown = linear ? points : points.slice(1);
      expect(shown.every(({ step }) => low <= step && step <= high)).toBe(true);
      expect(low).toBeLessThan(high);
      if (!linear) expect(low).toBeGreaterThan(0);
    }),
  );
});

test("a zoom is shown as it is, and has a logarithm where it must", () => {
  const points = [{ step: 0 }, { step: 50 }, { step: 1_000 }];
  expect(stepRange(points, true, { first: 0, last: 400 })).toEqual([0, 400]);
  expect(stepRange(points, false, { first: 100, last: 400 })).toEqual([100, 400]);
  expect(stepRange(points, false, { first: 0, last: 400 })).toEqual([50, 400]);
  expect(stepRange([], false, undefined)[0]).toBeGreaterThan(0);
});

test("decades hold their values, between powers of ten", () => {
  const positive = fc.double({ min: 1e-12, max: 1e12, noNaN: true });
  fc.assert(
    fc.property(positive, positive, (a, b) => {
      const [low, high] = decades(Math.min(a, b), Math.max(a, b));
      expect(low).toBeLessThanOrEqual(Math.min(a, b) * (1 + 1e-6));
      expect(high).toBeGreaterThanOrEqual(Math.max(a, b) * (1 - 1e-6));
      for (const end of [low, high]) expect(Math.log10(end)).toBeCloseTo(Math.round(Math.log10(end)), 9);
    }),
  );
  expect(decades(undefined, null)).toEqual([0.1, 1]);
  expect(decades(0, 5)).toEqual([0.1, 1]);
});
