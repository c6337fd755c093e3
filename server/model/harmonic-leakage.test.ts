import { expect, test } from "vitest";
import { dominantFrequencies, spectrum } from "./fourier.ts";
import { foldedHarmonic, harmonicLeakage } from "./harmonic-leakage.ts";
import { cosineLayer } from "./testing/networks.ts";

test("multiples fold into 1..K: on Z_23, 3 * 8 is 1 and 2 * 9 is 5", () => {
  expect([foldedHarmonic(3, 8, 23), foldedHarmonic(2, 9, 23), foldedHarmonic(2, 3, 23)]).toEqual([1, 5, 6]);
});

test("measures the amplitude at each multiple against the fundamental's", () => {
  const [fundamental, third] = [cosineLayer(23, [[8, 0.4]]), cosineLayer(23, [[1, 2]])];
  const layer = spectrum(
    fundamental.map((w, j) => 2 * w + 0.5 * third[j]),
    23,
  );
  const leakage = harmonicLeakage(layer, dominantFrequencies(layer));
  expect(leakage.map(({ order }) => order)).toEqual([2, 3, 4, 5, 6, 7]);
  leakage.forEach(({ order, ratios, median }) => {
    expect(ratios[0]).toBeCloseTo(order === 3 ? 0.25 : 0, 12);
    expect(median).toBe(ratios[0]);
  });
});

test("a multiple that folds back onto the fundamental is absent: the fourth and the sixth on Z_5", () => {
  const layer = spectrum(
    cosineLayer(5, [
      [1, 0.4],
      [2, 1],
    ]),
    5,
  );
  const leakage = harmonicLeakage(layer, dominantFrequencies(layer));
  const absent = leakage.filter(({ ratios }) => ratios.every((ratio) => ratio === undefined));
  // The fifth is 0.
  expect(absent.map(({ order }) => order)).toEqual([4, 5, 6]);
  for (const { median } of absent) expect(median).toBeUndefined();
});

test("a multiple that folds to 0 is absent: the third on Z_9 at k = 3", () => {
  const layer = spectrum(
    cosineLayer(9, [
      [3, 1],
      [1, 1],
    ]),
    9,
  );
  const third = harmonicLeakage(layer, dominantFrequencies(layer))[1];
  expect(third.ratios[0]).toBeUndefined();
  expect(third.median).toBe(third.ratios[1]);
});

test("a neuron whose theta is constant leaks nowhere, whatever its xi is", () => {
  const theta = spectrum(new Float64Array(11).fill(2), 11);
  const xi = spectrum(
    cosineLayer(11, [[1, 1]]).map((w, j) => w + 0.5 * Math.cos((4 * Math.PI * j) / 11)),
    11,
  );
  for (const { ratios } of harmonicLeakage(xi, dominantFrequencies(theta)))
    expect(ratios).toEqual([undefined]);
});
