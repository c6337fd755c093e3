import fc from "fast-check";
import { expect, test } from "vitest";
import { decades, roundSplits, roundUp, stepRange } from "./ranges.ts";

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

test("what begins late fills its axis, logarithmic or linear", () => {
  const late = [157_312, 200_000, 257_312].map((step) => ({ step }));
  expect(stepRange(late, false, undefined)).toEqual([157_312, 300_000]);
  expect(stepRange(late, true, undefined)).toEqual([157_312, 300_000]);
  expect(stepRange([{ step: 0 }, { step: 100 }], true, undefined)).toEqual([0, 100]);
  expect(stepRange([{ step: 0 }, { step: 100 }], false, undefined)).toEqual([100, 1_000]);
  // One of which there is a single point is an axis still.
  expect(stepRange([{ step: 2_000 }], false, undefined)).toEqual([2_000, 2_500]);
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

test("marks of a logarithmic axis are round, within it, increasing, and no more than there is room for", () => {
  const ends = fc.tuple(
    fc.double({ min: -12, max: 12, noNaN: true }),
    fc.double({ min: 0.01, max: 14, noNaN: true }),
  );
  fc.assert(
    fc.property(ends, fc.integer({ min: 2, max: 12 }), ([from, length], most) => {
      const [low, high] = [10 ** from, 10 ** (from + length)];
      const marks = roundSplits(low, high, most);
      expect(marks.length).toBeLessThanOrEqual(most + 1);
      for (const [i, mark] of marks.entries()) {
        expect(mark).toBeGreaterThanOrEqual(low * (1 - 1e-6));
        expect(mark).toBeLessThanOrEqual(high * (1 + 1e-6));
        if (high / low >= 5) expect(["1", "2", "3", "5"]).toContain(mark.toExponential().split("e")[0]);
        if (i > 0) expect(mark).toBeGreaterThan(marks[i - 1]!);
      }
    }),
  );
  expect(roundSplits(10, 50_000, 8)).toEqual([10, 30, 100, 300, 1_000, 3_000, 10_000, 30_000]);
  expect(roundSplits(100, 3_000, 8)).toEqual([100, 200, 500, 1_000, 2_000]);
  expect(roundSplits(1e-9, 10, 4)).toEqual([1e-9, 1e-6, 1e-3, 1]);
  expect(roundSplits(500, 1_812, 8)).toEqual([600, 800, 1_000, 1_200, 1_400, 1_600, 1_800]);
  expect(roundSplits(0.01, 0.011, 4)).toEqual([0.01, 0.0105, 0.011]);
});
