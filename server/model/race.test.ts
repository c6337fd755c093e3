import { expect, test } from "vitest";
import { raceState } from "./race.ts";
import { summarizeSpectrum } from "./spectrum-summary.ts";
import { arbitraryWeights, cosineLayer } from "./testing/networks.ts";

test("has the magnitudes and phases that the spectrum has, of the neurons asked for, in their order", () => {
  const [theta, xi] = [1, 2].map((seed) => Float32Array.from(arbitraryWeights(23 * 9, seed)));
  const state = raceState(theta, xi, 23, [7, 2]);
  const whole = summarizeSpectrum(theta, xi, 23, [7, 2]);
  expect(state.thetaMagnitude).toEqual(whole.thetaMagnitude);
  expect(state.thetaPhase).toEqual(whole.thetaPhase);
  expect(state.xiMagnitude).toEqual(whole.xiMagnitude);
  expect(state.xiPhase).toEqual(whole.xiPhase);
  for (const [row, m] of [7, 2].entries()) {
    const { dominantFrequency, misalignment } = summarizeSpectrum(theta, xi, 23, [m]);
    expect(state.misalignment[11 * row + dominantFrequency[0] - 1]).toBeCloseTo(misalignment[0], 6);
  }
});

test("a frequency that a layer has not has no misalignment", () => {
  const { misalignment } = raceState(cosineLayer(7, [[2, 1]]), cosineLayer(7, [[2, 0.5]]), 7, [0]);
  expect(misalignment[1]).toBeCloseTo(1.5, 6);
  expect(raceState(cosineLayer(7, [[2, 1]]), new Float32Array(7), 7, [0]).misalignment[1]).toBe(0);
});

test("angles are in [-pi, pi) as float32 too", () => {
  const near = [Math.PI - 1e-9, -Math.PI + 1e-9];
  const layer = (share: number) =>
    cosineLayer(
      3,
      near.map((phase): [number, number] => [1, share * phase]),
    );
  const { thetaPhase, xiPhase } = raceState(layer(1), layer(1), 3, [0, 1]);
  const { misalignment } = raceState(layer(0.5), layer(0), 3, [0, 1]);
  for (const angles of [thetaPhase, xiPhase, misalignment]) {
    expect([...angles]).toEqual([3.141592502593994, -3.141592502593994]);
  }
});
