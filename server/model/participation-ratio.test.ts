import fc from "fast-check";
import { expect, test } from "vitest";
import { spectrum } from "./fourier.ts";
import { coefficientParticipationRatio, inverseParticipationRatio } from "./participation-ratio.ts";
import { cosineLayer, networks } from "./testing/networks.ts";

test("a pure cosine of any frequency and phase scores 1 per frequency", () => {
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 11 }), fc.double({ min: -4, max: 4, noNaN: true }), (k, phi) => {
      const ratio = inverseParticipationRatio(spectrum(cosineLayer(23, [[k, phi]]), 23));
      expect(ratio).toBeCloseTo(1, 12);
    }),
  );
});

test("a single spike spreads evenly and scores 1/K", () => {
  const spike = new Float64Array(23);
  spike[5] = 1;
  expect(inverseParticipationRatio(spectrum(spike, 23))).toBeCloseTo(1 / 11, 12);
});

test("a pure cosine scores 3/4 per coefficient on average over its phase, 1 at phase 0, 1/2 between", () => {
  const at = (phase: number) => coefficientParticipationRatio(spectrum(cosineLayer(23, [[4, phase]]), 23));
  expect(at(0)).toBeCloseTo(1, 12);
  expect(at(Math.PI / 4)).toBeCloseTo(0.5, 12);
  const evenly = Array.from({ length: 16 }, (_, i): [number, number] => [4, (2 * Math.PI * i) / 16]);
  expect(coefficientParticipationRatio(spectrum(cosineLayer(23, evenly), 23))).toBeCloseTo(0.75, 12);
});

test("lies within its range, and neither scale nor mean changes the one per frequency", () => {
  fc.assert(
    fc.property(networks, ({ modulus, theta }) => {
      const ratio = inverseParticipationRatio(spectrum(theta, modulus));
      if (ratio === undefined) return;
      const count = (modulus - 1) / 2;
      expect(ratio).toBeGreaterThanOrEqual(1 / count - 1e-12);
      expect(ratio).toBeLessThanOrEqual(1 + 1e-12);
      const doubled = theta.map((w) => 2 * w);
      expect(inverseParticipationRatio(spectrum(doubled, modulus))).toBeCloseTo(ratio, 12);
    }),
  );
});

test("rows without energy don't count, and without any row there is no ratio", () => {
  const rows = Float64Array.from([...cosineLayer(7, [[2, 1]]), ...new Float64Array(7).fill(0.3)]);
  expect(inverseParticipationRatio(spectrum(rows, 7))).toBeCloseTo(1, 12);
  expect(inverseParticipationRatio(spectrum(new Float64Array(7).fill(0.3), 7))).toBeUndefined();
  expect(coefficientParticipationRatio(spectrum(new Float64Array(7).fill(0.3), 7))).toBeCloseTo(1, 12);
  expect(coefficientParticipationRatio(spectrum(new Float64Array(7), 7))).toBeUndefined();
});
