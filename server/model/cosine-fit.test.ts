import { expect, test } from "vitest";
import { cosineFits } from "./cosine-fit.ts";
import { dominantFrequencies, spectrum } from "./fourier.ts";
import { arbitraryWeights, cosineLayer } from "./testing/networks.ts";

test("is 1 for a cosine on any mean, and energy's share for a mixture", () => {
  const cosine = cosineLayer(23, [[3, 1]]);
  const other = cosineLayer(23, [[8, 2]]);
  const rows = [...cosine.map((w) => w + 5), ...cosine.map((w, i) => 2 * w + other[i])];
  const layer = spectrum(Float64Array.from(rows), 23);
  const fits = cosineFits(layer, dominantFrequencies(layer));
  expect(fits[0]).toBeCloseTo(1, 12);
  expect(fits[1]).toBeCloseTo(4 / 5, 12);
});

test("is the R^2 of the least-squares cosine at k*", () => {
  const modulus = 11;
  const row = arbitraryWeights(modulus);
  const layer = spectrum(row, modulus);
  const dominant = dominantFrequencies(layer);
  const mean = row.reduce((sum, w) => sum + w, 0) / modulus;
  const fitted = (j: number) =>
    layer.magnitude[dominant[0] - 1] *
    Math.cos((2 * Math.PI * dominant[0] * j) / modulus + layer.phase[dominant[0] - 1]);
  const total = row.reduce((sum, w) => sum + (w - mean) ** 2, 0);
  const residual = row.reduce((sum, w, j) => sum + (w - mean - fitted(j)) ** 2, 0);
  expect(cosineFits(layer, dominant)[0]).toBeCloseTo(1 - residual / total, 12);
});

test("a constant row has no fit", () => {
  const layer = spectrum(new Float64Array(23).fill(2), 23);
  expect(cosineFits(layer, dominantFrequencies(layer))).toEqual([undefined]);
});

test("a row has no fit at the frequency that the other layer's constant row hasn't", () => {
  const theta = spectrum(new Float64Array(11).fill(2), 11);
  expect(cosineFits(spectrum(cosineLayer(11, [[3, 1]]), 11), dominantFrequencies(theta))).toEqual([
    undefined,
  ]);
});
