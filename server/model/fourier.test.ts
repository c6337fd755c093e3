import fc from "fast-check";
import { expect, test } from "vitest";
import { atDominant, dominantFrequencies, layerOf, spectrum } from "./fourier.ts";
import { cosineLayer, networks } from "./testing/networks.ts";

test("coefficients are the inner products with the orthonormal basis", () => {
  fc.assert(
    fc.property(networks, ({ modulus, width, theta }) => {
      const { mean, cosine, sine } = spectrum(theta, modulus);
      const count = (modulus - 1) / 2;
      for (let m = 0; m < width; m++) {
        const row = Array.from(theta.subarray(m * modulus, (m + 1) * modulus));
        const against = (wave: (j: number) => number) => row.reduce((sum, w, j) => sum + w * wave(j), 0);
        expect(mean[m]).toBeCloseTo(
          against(() => 1 / Math.sqrt(modulus)),
          12,
        );
        for (let k = 1; k <= count; k++) {
          const scale = Math.sqrt(2 / modulus);
          const angle = (2 * Math.PI * k) / modulus;
          const column = m * count + k - 1;
          expect(cosine[column]).toBeCloseTo(
            against((j) => scale * Math.cos(angle * j)),
            12,
          );
          expect(sine[column]).toBeCloseTo(
            against((j) => scale * Math.sin(angle * j)),
            12,
          );
        }
      }
    }),
  );
});

test("the transform keeps energy (Parseval) and its inverse gives the layer back", () => {
  fc.assert(
    fc.property(networks, ({ modulus, theta }) => {
      const transformed = spectrum(theta, modulus);
      const energy = (values: ArrayLike<number>) =>
        Array.from(values).reduce((sum, value) => sum + value * value, 0);
      const { mean, cosine, sine } = transformed;
      const total = energy(mean) + energy(cosine) + energy(sine);
      expect(Math.abs(total - energy(theta))).toBeLessThanOrEqual(1e-13 * energy(theta));
      const back = layerOf(transformed);
      for (const [i, weight] of back.entries()) expect(weight).toBeCloseTo(theta[i], 12);
    }),
  );
});

test("magnitude and phase give the row back as a sum of cosines", () => {
  fc.assert(
    fc.property(networks, ({ modulus, width, theta }) => {
      const { mean, magnitude, phase } = spectrum(theta, modulus);
      const count = (modulus - 1) / 2;
      for (let m = 0; m < width; m++) {
        for (let j = 0; j < modulus; j++) {
          let sum = mean[m] / Math.sqrt(modulus);
          for (let k = 0; k < count; k++) {
            const column = m * count + k;
            sum += magnitude[column] * Math.cos((2 * Math.PI * (k + 1) * j) / modulus + phase[column]);
          }
          expect(sum).toBeCloseTo(theta[m * modulus + j], 11);
        }
      }
      for (const angle of phase) expect(angle >= -Math.PI && angle < Math.PI).toBe(true);
    }),
  );
});

test("a pure cosine has its magnitude and phase at its frequency and nothing elsewhere", () => {
  const modulus = 23;
  const phases = [0, 1, -Math.PI, 3];
  const rows = phases.flatMap((phi, m) =>
    Array.from({ length: modulus }, (_, j) => 0.7 * Math.cos((2 * Math.PI * (m + 3) * j) / modulus + phi)),
  );
  const { magnitude, phase, mean } = spectrum(Float64Array.from(rows), modulus);
  phases.forEach((phi, m) => {
    expect(mean[m]).toBeCloseTo(0, 14);
    for (let k = 1; k <= 11; k++) {
      expect(magnitude[m * 11 + k - 1]).toBeCloseTo(k === m + 3 ? 0.7 : 0, 14);
    }
    const turn = phase[m * 11 + m + 2] - phi;
    expect(Math.sin(turn)).toBeCloseTo(0, 13);
    expect(Math.cos(turn)).toBeCloseTo(1, 13);
  });
  expect([...dominantFrequencies(spectrum(Float64Array.from(rows), modulus))]).toEqual([3, 4, 5, 6]);
});

test("a constant row has exactly no energy at any nonzero frequency, and phase 0", () => {
  const { mean, magnitude, phase } = spectrum(new Float32Array(23).fill(0.1), 23);
  expect(mean[0]).toBeCloseTo(Math.fround(0.1) * Math.sqrt(23), 14);
  expect(magnitude.every((value) => value === 0)).toBe(true);
  expect(phase.every((value) => value === 0)).toBe(true);
});

test("shifting a row by one turns the phase at k by w_k, at equal magnitudes", () => {
  fc.assert(
    fc.property(networks, ({ modulus, theta }) => {
      const row = theta.slice(0, modulus);
      const shifted = row.map((_, j) => row[(j + 1) % modulus]);
      const before = spectrum(row, modulus);
      const after = spectrum(shifted, modulus);
      before.magnitude.forEach((magnitude, i) => {
        expect(after.magnitude[i]).toBeCloseTo(magnitude, 12);
        const expected = before.phase[i] + (2 * Math.PI * (i + 1)) / modulus;
        expect(magnitude * Math.cos(after.phase[i])).toBeCloseTo(magnitude * Math.cos(expected), 11);
        expect(magnitude * Math.sin(after.phase[i])).toBeCloseTo(magnitude * Math.sin(expected), 11);
      });
    }),
  );
});

test("the lowest of equally strong frequencies dominates", () => {
  const magnitude = Float64Array.of(1, 2, 2, 0, 2);
  expect([...dominantFrequencies({ ...spectrum(new Float32Array(11), 11), magnitude })]).toEqual([2]);
});

test("a constant row has no dominant frequency, and no magnitude or phase there", () => {
  const rows = spectrum(Float64Array.from([...cosineLayer(11, [[5, 1]]), ...Array(11).fill(0.3)]), 11);
  const dominant = dominantFrequencies(rows);
  expect([...dominant]).toEqual([5, 0]);
  // Not what the row before has at its last frequency.
  expect(atDominant(rows, rows.magnitude, dominant, 1)).toBe(0);
  expect(atDominant(rows, rows.phase, dominant, 1)).toBe(0);
});
