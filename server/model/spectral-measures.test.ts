import fc from "fast-check";
import { expect, test } from "vitest";
import { cosineFits } from "./cosine-fit.ts";
import { dominantFrequencies, spectrum } from "./fourier.ts";
import { meanAbsSinMisalignment } from "./misalignment.ts";
import { inverseParticipationRatio } from "./participation-ratio.ts";
import { meanOfPresent } from "./present-values.ts";
import { SpectralMeter } from "./spectral-measures.ts";
import { arbitraryWeights, decidedNetworks } from "./testing/networks.ts";

test("equals the definitions to 1e-12, for odd and even numbers of frequencies", () => {
  fc.assert(
    fc.property(decidedNetworks, ({ modulus, theta, xi }) => {
      const measured = new SpectralMeter(modulus).measure(theta, xi);
      const inner = spectrum(theta, modulus);
      const outer = spectrum(xi, modulus);
      const dominant = dominantFrequencies(inner);
      expectClose(measured.iprTheta, inverseParticipationRatio(inner));
      expectClose(measured.iprXi, inverseParticipationRatio(outer));
      expectClose(measured.meanAbsSinMisalignment, meanAbsSinMisalignment(inner, outer, dominant));
      expectClose(measured.thetaCosineFit, meanOfPresent(cosineFits(inner, dominant)));
      expectClose(measured.xiCosineFit, meanOfPresent(cosineFits(outer, dominant)));
    }),
    { numRuns: 300 },
  );
});

function expectClose(actual: number | undefined, expected: number | undefined): void {
  if (expected === undefined) expect(actual).toBeUndefined();
  else expect(Math.abs(actual! - expected)).toBeLessThanOrEqual(1e-12);
}

test("a meter remembers nothing between measurements", () => {
  const meter = new SpectralMeter(23);
  const layer = (seed: number) => Float32Array.from(arbitraryWeights(23 * 8, seed));
  const first = meter.measure(layer(1), layer(2));
  meter.measure(layer(3), layer(4));
  expect(meter.measure(layer(1), layer(2))).toEqual(first);
});

test("the ipr of a network is the mean of its layers'", () => {
  const { ipr, iprTheta, iprXi } = new SpectralMeter(23).measure(
    Float32Array.from(arbitraryWeights(23 * 8, 1)),
    Float32Array.from(arbitraryWeights(23 * 8, 2)),
  );
  expect(ipr).toBe((iprTheta! + iprXi!) / 2);
});

test("a network of constant rows has no spectral measures", () => {
  const constant = new Float32Array(23 * 8).fill(0.1);
  expect(new SpectralMeter(23).measure(constant, constant)).toEqual({
    ipr: undefined,
    iprTheta: undefined,
    iprXi: undefined,
    meanAbsSinMisalignment: undefined,
    thetaCosineFit: undefined,
    xiCosineFit: undefined,
  });
});

test("dead neurons don't count", () => {
  const modulus = 11;
  const alive = Float32Array.from(arbitraryWeights(4 * modulus));
  const padded = Float32Array.from([...alive, ...new Float32Array(3 * modulus)]);
  const meter = new SpectralMeter(modulus);
  expect(meter.measure(padded, padded)).toEqual(meter.measure(alive, alive));
  const more = Float32Array.from([...alive, ...arbitraryWeights(3 * modulus, 7)]);
  const { xiCosineFit } = meter.measure(padded, more);
  expect(xiCosineFit).toBe(meter.measure(alive, alive).xiCosineFit);
});

test("weights as large and as small as float32 holds are measured like others", () => {
  const modulus = 11;
  const layer = arbitraryWeights(4 * modulus);
  const scaled = (factor: number) => Float32Array.from(layer, (w) => w * factor);
  const meter = new SpectralMeter(modulus);
  const ordinary = meter.measure(scaled(1), scaled(1));
  for (const factor of [2 ** 126, 2 ** -120]) {
    expect(meter.measure(scaled(factor), scaled(factor)).ipr).toBeCloseTo(ordinary.ipr!, 6);
  }
});
