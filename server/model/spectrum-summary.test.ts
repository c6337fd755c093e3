import { expect, test } from "vitest";
import { SpectralMeter } from "./spectral-measures.ts";
import { summarizeSpectrum } from "./spectrum-summary.ts";
import { arbitraryWeights, cosineLayer } from "./testing/networks.ts";

const theta = Float32Array.from(arbitraryWeights(23 * 9, 1));
const xi = Float32Array.from(arbitraryWeights(23 * 9, 2));
const all = [...Array(9).keys()];

test("has the measures of all neurons, whichever of them are asked for", () => {
  const whole = summarizeSpectrum(theta, xi, 23, all);
  const part = summarizeSpectrum(theta, xi, 23, [5, 4]);
  const rows = (values: Float32Array) => Float32Array.of(...values.slice(55, 66), ...values.slice(44, 55));
  const swapped = <T extends Uint8Array | Float32Array>(values: T) => values.slice(4, 6).reverse() as T;
  const layer = (of: typeof whole.thetaLayer) => ({ ...of, cosineFit: swapped(of.cosineFit) });
  expect(part).toEqual({
    ...whole,
    thetaMagnitude: rows(whole.thetaMagnitude),
    thetaPhase: rows(whole.thetaPhase),
    xiMagnitude: rows(whole.xiMagnitude),
    xiPhase: rows(whole.xiPhase),
    thetaMean: swapped(whole.thetaMean),
    xiMean: swapped(whole.xiMean),
    dominantFrequency: swapped(whole.dominantFrequency),
    misalignment: swapped(whole.misalignment),
    thetaLayer: layer(whole.thetaLayer),
    xiLayer: layer(whole.xiLayer),
  });
  expect(summarizeSpectrum(theta, xi, 23, []).thetaMagnitude).toHaveLength(0);
});

test("a row is its mean plus its waves", () => {
  const { thetaMean, thetaMagnitude, thetaPhase } = summarizeSpectrum(theta, xi, 23, all);
  for (const [i, weight] of theta.entries()) {
    const [m, j] = [Math.floor(i / 23), i % 23];
    let sum = thetaMean[m]!;
    for (let k = 1; k <= 11; k++) {
      const at = m * 11 + k - 1;
      sum += thetaMagnitude[at]! * Math.cos((2 * Math.PI * k * j) / 23 + thetaPhase[at]!);
    }
    expect(sum).toBeCloseTo(weight, 5);
  }
});

test("agrees with the live meter", () => {
  const { ipr, meanAbsSinMisalignment } = summarizeSpectrum(theta, xi, 23, all);
  const live = new SpectralMeter(23).measure(theta, xi);
  expect(ipr).toBeCloseTo(live.ipr!, 12);
  expect(meanAbsSinMisalignment).toBeCloseTo(live.meanAbsSinMisalignment!, 12);
});

test("tells frequency, misalignment and agreement of a made-up network", () => {
  const summary = summarizeSpectrum(
    cosineLayer(11, [
      [2, 0.5],
      [3, 0.5],
      [3, 1],
    ]),
    cosineLayer(11, [
      [2, 0.8],
      [5, 1],
      [3, 1.5],
    ]),
    11,
    [0, 1, 2],
  );
  expect([...summary.dominantFrequency]).toEqual([2, 3, 3]);
  expect([...summary.neuronsPerFrequency]).toEqual([0, 1, 2, 0, 0]);
  expect(summary.misalignment[0]).toBeCloseTo(0.2, 6);
  expect(summary.misalignment[2]).toBeCloseTo(0.5, 6);
  expect(summary.layerAgreement).toBeCloseTo(2 / 3, 12);
  expect(summary.alpha!.mean).toBeCloseTo(1, 12);
  expect(summary.iprTheta).toBeCloseTo(1, 12);
  expect([...summary.thetaLayer.cosineFit]).toEqual([1, 1, 1]);
  expect(summary.xiLayer.meanCosineFit).toBeCloseTo(2 / 3, 12);
  expect(summary.groups.map(({ neurons }) => neurons)).toEqual([0, 1, 2, 0, 0]);
  expect(summary.thetaLayer.leakage.map(({ order }) => order)).toEqual([2, 3, 4, 5, 6, 7]);
});

test("a network of zeros has no frequencies, and no measures of any", () => {
  const zeros = new Float32Array(23 * 9);
  const summary = summarizeSpectrum(zeros, zeros, 23, all);
  expect(summary).toMatchObject({
    ipr: undefined,
    meanAbsSinMisalignment: undefined,
    maxAbsMisalignment: undefined,
    layerAgreement: 0,
    alpha: undefined,
    beta: undefined,
  });
  expect([...summary.dominantFrequency]).toEqual(Array(9).fill(0));
  expect([...summary.neuronsPerFrequency]).toEqual(Array(11).fill(0));
  for (const group of summary.groups) expect(group).toEqual({ frequency: group.frequency, neurons: 0 });
  for (const { median } of summary.xiLayer.leakage) expect(median).toBeUndefined();
});

test("a neuron whose theta is constant counts in nothing that is at its frequency", () => {
  const [inner, outer] = [cosineLayer(11, [[2, 0.5]]), cosineLayer(11, [[2, 0.8]])];
  const one = summarizeSpectrum(inner, outer, 11, []);
  const two = summarizeSpectrum(
    Float64Array.from([...inner, ...Array(11).fill(0.3)]),
    Float64Array.from([...outer, ...cosineLayer(11, [[1, 1]])]),
    11,
    [1],
  );
  const { alpha, beta, groups, layerAgreement, neuronsPerFrequency, thetaLayer } = one;
  expect(two).toMatchObject({ alpha, beta, groups, layerAgreement, neuronsPerFrequency });
  expect(two.thetaLayer.meanCosineFit).toBe(thetaLayer.meanCosineFit);
  expect(two.xiLayer.meanCosineFit).toBe(one.xiLayer.meanCosineFit);
  expect(two.xiLayer.leakage).toEqual(one.xiLayer.leakage);
  const { dominantFrequency, misalignment, xiLayer } = two;
  expect([dominantFrequency[0], misalignment[0], xiLayer.cosineFit[0]]).toEqual([0, 0, 0]);
  expect(two.xiMagnitude[0]).toBeCloseTo(1, 6);
});

test("angles are in [-pi, pi) as float32 too", () => {
  const near = [Math.PI - 1e-9, -Math.PI + 1e-9];
  const rows = near.map((phase): [number, number] => [1, phase]);
  const { thetaPhase, xiPhase } = summarizeSpectrum(cosineLayer(3, rows), cosineLayer(3, rows), 3, [0, 1]);
  const halves = cosineLayer(
    3,
    near.map((phase): [number, number] => [1, phase / 2]),
  );
  const flat = cosineLayer(3, [
    [1, 0],
    [1, 0],
  ]);
  const { misalignment } = summarizeSpectrum(halves, flat, 3, [0, 1]);
  for (const angles of [thetaPhase, xiPhase, misalignment]) {
    expect([...angles]).toEqual([3.141592502593994, -3.141592502593994]);
  }
});
