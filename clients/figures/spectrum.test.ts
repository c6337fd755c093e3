import type { LayerSpectrum } from "@grokbox/sdk";
import fc from "fast-check";
import { expect, test } from "vitest";
import { coefficients, cosine, unwrap, weights, wrap } from "./spectrum.ts";

/** The spectrum of one row by its definition: magnitudes, phases and mean. */
function layerOf(row: readonly number[]): LayerSpectrum {
  const p = row.length;
  const count = (p - 1) / 2;
  const magnitude = new Float32Array(count);
  const phase = new Float32Array(count);
  for (let k = 1; k <= count; k++) {
    let [c, s] = [0, 0];
    for (const [j, weight] of row.entries()) {
      c += weight * Math.cos((2 * Math.PI * k * j) / p) * (2 / p);
      s += weight * Math.sin((2 * Math.PI * k * j) / p) * (2 / p);
    }
    magnitude[k - 1] = Math.hypot(c, s);
    phase[k - 1] = Math.atan2(-s, c);
  }
  const mean = Float32Array.of(row.reduce((sum, weight) => sum + weight, 0) / p);
  const tensor = (data: Float32Array, ...shape: number[]) => ({ data, shape });
  return {
    magnitude: tensor(magnitude, 1, count),
    phase: tensor(phase, 1, count),
    mean: tensor(mean, 1),
    cosineFit: tensor(new Float32Array(1), 1),
    harmonicLeakage: [],
  };
}

const rows = fc
  .integer({ min: 1, max: 15 })
  .chain((k) =>
    fc.array(fc.double({ min: -2, max: 2, noNaN: true }), { minLength: 2 * k + 1, maxLength: 2 * k + 1 }),
  );

test("a row comes back from its spectrum", () => {
  fc.assert(
    fc.property(rows, (row) => {
      const found = weights(layerOf(row), 0);
      for (const [j, weight] of row.entries()) expect(found[j]).toBeCloseTo(weight, 5);
    }),
  );
});

test("coefficients are the row in an orthonormal basis: as many, and of the same energy", () => {
  fc.assert(
    fc.property(rows, (row) => {
      const found = coefficients(layerOf(row), 0);
      expect(found).toHaveLength(row.length);
      const energy = (values: readonly number[]) => values.reduce((sum, value) => sum + value * value, 0);
      expect(energy(found)).toBeCloseTo(energy(row), 3);
    }),
  );
});

test("the coefficients of a cosine and of a sine are where they are said to be", () => {
  const p = 7;
  const row = (f: (angle: number) => number) =>
    Array.from({ length: p }, (_, j) => f((2 * Math.PI * 2 * j) / p));
  const at = (values: readonly number[]) => values.map((value) => Math.round(value * 1e5) / 1e5 + 0);
  const unit = Math.round(Math.sqrt(p / 2) * 1e5) / 1e5;
  expect(at(coefficients(layerOf(row(Math.cos)), 0))).toEqual([0, 0, 0, unit, 0, 0, 0]);
  expect(at(coefficients(layerOf(row(Math.sin)), 0))).toEqual([0, 0, 0, 0, unit, 0, 0]);
});

test("a wave's fine points go through its weights at the residues", () => {
  const wave = { frequency: 2, magnitude: 0.5, phase: 1, mean: 0.1 };
  const points = cosine(wave, 5).filter(({ j }) => Number.isInteger(j));
  expect(points.map(({ j }) => j)).toEqual([0, 1, 2, 3, 4]);
  for (const { j, weight } of points) {
    expect(weight).toBeCloseTo(0.5 * Math.cos((2 * Math.PI * 2 * j) / 5 + 1) + 0.1, 12);
  }
});

test("angles that were wrapped become continuous again", () => {
  fc.assert(
    fc.property(
      fc.array(fc.double({ min: -3, max: 3, noNaN: true }), { minLength: 1, maxLength: 50 }),
      (moves) => {
        let angle = 0;
        const angles = moves.map((move, i) => (angle += i === 0 ? 0 : move));
        for (const [i, found] of unwrap(angles.map(wrap)).entries()) expect(found).toBeCloseTo(angles[i]!, 9);
      },
    ),
  );
});
