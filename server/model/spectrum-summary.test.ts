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
  expect(summary.alpha.mean).toBeCloseTo(1, 12);
  expect(summary.iprTheta).toBeCloseTo(1, 12);
  expect([...summary.thetaLayer.cosineFit]).toEqual([1, 1, 1]);
  expect(summary.xiLayer.meanCosineFit).toBeCloseTo(2 / 3, 12);
  expect(summary.groups.map(({ neurons }) => neurons)).toEqual([0, 1, 2, 0, 0]);
  expect(summary.thetaLayer.leakage.map(({ order }) => order)).toEqual([2, 3, 4, 5, 6, 7]);
});

test("a network of zeros has no measures of phase or participation", () => {
  const zeros = new Float32Array(23 * 9);
  const { ipr, meanAbsSinMisalignment, maxAbsMisalignment } = summarizeSpectrum(zeros, zeros, 23, all);
  expect([ipr, meanAbsSinMisalignment, maxAbsMisalignment]).toEqual([undefined, undefined, undefined]);
});
