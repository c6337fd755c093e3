import { expect, test } from "vitest";
import { SpectralMeter } from "./spectral-measures.ts";
import { summarizeSpectrum } from "./spectrum-summary.ts";
import { arbitraryWeights, cosineLayer } from "./testing/networks.ts";

const theta = Float32Array.from(arbitraryWeights(23 * 9, 1));
const xi = Float32Array.from(arbitraryWeights(23 * 9, 2));

test("has the measures of all neurons, whichever of them are asked for", () => {
  const whole = summarizeSpectrum(theta, xi, 23);
  const part = summarizeSpectrum(theta, xi, 23, 4, 2);
  expect(part).toEqual({
    ...whole,
    thetaMagnitude: whole.thetaMagnitude.slice(44, 66),
    thetaPhase: whole.thetaPhase.slice(44, 66),
    xiMagnitude: whole.xiMagnitude.slice(44, 66),
    xiPhase: whole.xiPhase.slice(44, 66),
    dominantFrequency: whole.dominantFrequency.slice(4, 6),
    misalignment: whole.misalignment.slice(4, 6),
  });
  expect(summarizeSpectrum(theta, xi, 23, 0, 0).thetaMagnitude).toHaveLength(0);
});

test("agrees with the live meter", () => {
  const { ipr, meanAbsSinMisalignment } = summarizeSpectrum(theta, xi, 23);
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
  );
  expect([...summary.dominantFrequency]).toEqual([2, 3, 3]);
  expect([...summary.neuronsPerFrequency]).toEqual([0, 1, 2, 0, 0]);
  expect(summary.misalignment[0]).toBeCloseTo(0.2, 6);
  expect(summary.misalignment[2]).toBeCloseTo(0.5, 6);
  expect(summary.layerAgreement).toBeCloseTo(2 / 3, 12);
  expect(summary.alpha.mean).toBeCloseTo(1, 12);
  expect(summary.iprTheta).toBeCloseTo(1, 12);
});

test("a network of zeros has no measures of phase or participation", () => {
  const zeros = new Float32Array(23 * 9);
  const { ipr, meanAbsSinMisalignment, maxAbsMisalignment } = summarizeSpectrum(zeros, zeros, 23);
  expect([ipr, meanAbsSinMisalignment, maxAbsMisalignment]).toEqual([undefined, undefined, undefined]);
});
