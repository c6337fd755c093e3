import fc from "fast-check";
import { expect, test } from "vitest";
import { logitMeasures, maxProbabilityDeviation } from "./logit-measures.ts";
import { theoryLogits, votingFit } from "./voting.ts";

test("equal logits leave every residue at 1/p, whatever their size", () => {
  expect(maxProbabilityDeviation(new Float64Array(18).fill(-1e300), 3)).toBeLessThan(1e-15);
});

test("one residue beyond doubt is 1 - 1/p away", () => {
  const logits = new Float64Array(18);
  logits[4] = 1_000;
  expect(maxProbabilityDeviation(logits, 3)).toBeCloseTo(2 / 3, 12);
});

test("the deviation does not see what is added to a row, and is a plain softmax's", () => {
  const row = fc.array(fc.double({ min: -20, max: 20, noNaN: true }), { minLength: 5, maxLength: 5 });
  fc.assert(
    fc.property(
      fc.array(row, { minLength: 1, maxLength: 4 }),
      fc.double({ min: -9, max: 9, noNaN: true }),
      (rows, by) => {
        const found = maxProbabilityDeviation(Float64Array.from(rows.flat()), 5);
        const plain = rows.flatMap((values) => {
          const sum = values.reduce((total, value) => total + Math.exp(value), 0);
          return values.map((value) => Math.abs(Math.exp(value) / sum - 0.2));
        });
        expect(found).toBeCloseTo(Math.max(...plain), 12);
        const moved = Float64Array.from(rows.flat(), (value) => value + by);
        expect(maxProbabilityDeviation(moved, 5)).toBeCloseTo(found, 9);
      },
    ),
  );
});

test("the voting measures are those of the fit, and absent where there is none", () => {
  const logits = theoryLogits(7, 0.3, 5).map((value, i) => value + Math.sin(i));
  const fit = votingFit(logits, 7);
  expect(logitMeasures(logits, 7, true)).toMatchObject({
    votingResidual: fit.residual,
    votingRSquared: fit.r2,
  });
  expect(Object.keys(logitMeasures(logits, 7, false))).toEqual(["maxProbabilityDeviation"]);
  expect(logitMeasures(new Float64Array(196), 7, true)).toEqual({
    maxProbabilityDeviation: expect.closeTo(0, 12),
    votingResidual: 0,
  });
  logits[3] = Number.POSITIVE_INFINITY;
  expect(logitMeasures(logits, 7, true)).toEqual({});
});
