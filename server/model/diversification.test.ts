import { expect, test } from "vitest";
import { diversification } from "./diversification.ts";
import { dominantFrequencies, spectrum } from "./fourier.ts";
import { cosineLayer } from "./testing/networks.ts";

function groupsOf(rows: [number, number][], amplitudes: [number, number][]) {
  const scaled = (layer: 0 | 1) =>
    cosineLayer(23, rows).map((w, i) => w * amplitudes[Math.floor(i / 23)][layer]);
  const theta = spectrum(scaled(0), 23);
  return diversification(theta, spectrum(scaled(1), 23), dominantFrequencies(theta));
}

test("evenly spread phases concentrate nowhere below their number, and fully at it", () => {
  const rows = [0, 1, 2].map((i): [number, number] => [4, (2 * Math.PI * i) / 3]);
  const group = groupsOf(rows, [
    [1, 1],
    [1, 1],
    [1, 1],
  ])[3];
  expect(group).toMatchObject({ frequency: 4, neurons: 3 });
  const expected = [0, 0, 1, 0];
  for (const [n, value] of group.phaseConcentration!.entries()) expect(value).toBeCloseTo(expected[n], 12);
});

test("magnitudes come with their mean and population spread", () => {
  const group = groupsOf(
    [
      [2, 1],
      [2, 1.5],
    ],
    [
      [1, 4],
      [3, 2],
    ],
  )[1];
  const pairs = [
    [group.alpha!, 2, 1],
    [group.beta!, 3, 1],
    [group.vote!, 11, 7],
  ] as const;
  for (const [{ mean, spread }, expectedMean, expectedSpread] of pairs) {
    expect(mean).toBeCloseTo(expectedMean, 12);
    expect(spread).toBeCloseTo(expectedSpread, 12);
  }
});

test("every frequency has its group, and an empty one has no measures", () => {
  const groups = groupsOf([[2, 1]], [[1, 1]]);
  expect(groups).toHaveLength(11);
  expect(groups[0]).toEqual({ frequency: 1, neurons: 0 });
});

test("neurons without a frequency are in no group", () => {
  const theta = spectrum(Float64Array.from([...cosineLayer(5, [[1, 0.5]]), ...Array(5).fill(2)]), 5);
  const xi = spectrum(
    cosineLayer(5, [
      [1, 1],
      [1, 2],
    ]),
    5,
  );
  const groups = diversification(theta, xi, dominantFrequencies(theta));
  expect(groups.map(({ neurons }) => neurons)).toEqual([1, 0]);
  expect(groups[0]!.phaseConcentration![0]).toBeCloseTo(1, 12);
});
