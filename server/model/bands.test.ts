import fc from "fast-check";
import { expect, test } from "vitest";
import { bands, bandsOfRuns, quantile } from "./bands.ts";

const finite = fc.double({ min: -1e6, max: 1e6, noNaN: true });

/** By its definition: the value below which a share of the runs lies, between two runs in proportion. */
function plainQuantile(values: readonly number[], share: number): number {
  const sorted = [...values].sort((a, b) => a - b);
  const position = share * (sorted.length - 1);
  const before = sorted.filter((_, i) => i <= position).at(-1)!;
  const after = sorted.find((_, i) => i >= position)!;
  return before + (position % 1) * (after - before);
}

test("bands are the plain quantiles of the runs that have a value, whatever their order and length", () => {
  const curve = fc.array(fc.oneof({ weight: 5, arbitrary: finite }, fc.constant(Number.NaN)), {
    maxLength: 6,
  });
  fc.assert(
    fc.property(fc.array(curve, { maxLength: 8 }), (curves) => {
      const steps = [0, 10, 20, 30, 40, 50];
      const expected = steps.flatMap((step, i) => {
        const values = curves.map((values) => values[i] ?? Number.NaN).filter((v) => !Number.isNaN(v));
        if (values.length === 0) return [];
        const [lowerQuartile, median, upperQuartile] = [0.25, 0.5, 0.75].map((q) => plainQuantile(values, q));
        return [{ step, runs: values.length, median, lowerQuartile, upperQuartile }];
      });
      const found = bands(steps, curves);
      expect(found.map(({ step, runs }) => [step, runs])).toEqual(
        expected.map(({ step, runs }) => [step, runs]),
      );
      for (const [i, { median, lowerQuartile, upperQuartile }] of found.entries()) {
        expect(median).toBeCloseTo(expected[i]!.median!, 6);
        expect(lowerQuartile).toBeCloseTo(expected[i]!.lowerQuartile!, 6);
        expect(upperQuartile).toBeCloseTo(expected[i]!.upperQuartile!, 6);
        expect(lowerQuartile).toBeLessThanOrEqual(median);
        expect(median).toBeLessThanOrEqual(upperQuartile);
      }
      expect(bands(steps, curves.toReversed())).toEqual(found);
    }),
  );
});

test("quantiles are those of numpy.quantile", () => {
  expect([0, 0.25, 0.5, 0.75, 1].map((share) => quantile([1, 2, 4, 8], share))).toEqual([1, 1.75, 3, 5, 8]);
  expect(quantile([3], 0.25)).toBe(3);
  expect(quantile([1, 2, Number.POSITIVE_INFINITY], 0.5)).toBe(2);
});

test("one run is its own band, in every column", () => {
  expect(bandsOfRuns([0, 5], 2, [Float64Array.of(1, 2, 3, Number.NaN)])).toEqual([
    [
      { step: 0, runs: 1, median: 1, lowerQuartile: 1, upperQuartile: 1 },
      { step: 5, runs: 1, median: 3, lowerQuartile: 3, upperQuartile: 3 },
    ],
    [{ step: 0, runs: 1, median: 2, lowerQuartile: 2, upperQuartile: 2 }],
  ]);
});
