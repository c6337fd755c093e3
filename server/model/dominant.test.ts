import fc from "fast-check";
import { expect, test } from "vitest";
import { projectOnDominant, removeDominant } from "./dominant.ts";
import { dominantFrequencies, spectrum } from "./fourier.ts";
import { cosineLayer, decidedNetworks, networks } from "./testing/networks.ts";

test("the two parts add up to the weights", () => {
  fc.assert(
    fc.property(networks, ({ modulus, theta, xi }) => {
      const kept = projectOnDominant(theta, xi, modulus);
      const removed = removeDominant(theta, xi, modulus);
      for (let i = 0; i < theta.length; i++) {
        expect(kept.theta[i] + removed.theta[i]).toBeCloseTo(theta[i], 12);
        expect(kept.xi[i] + removed.xi[i]).toBeCloseTo(xi[i], 12);
      }
    }),
  );
});

test("projected rows have theta's dominant frequency alone, in both layers and without a mean", () => {
  fc.assert(
    fc.property(decidedNetworks, ({ modulus, theta, xi }) => {
      const dominant = dominantFrequencies(spectrum(theta, modulus));
      const kept = projectOnDominant(theta, xi, modulus);
      const removed = removeDominant(theta, xi, modulus);
      const count = (modulus - 1) / 2;
      for (const layer of ["theta", "xi"] as const) {
        const original = spectrum({ theta, xi }[layer], modulus);
        const projected = spectrum(kept[layer], modulus);
        const rest = spectrum(removed[layer], modulus);
        for (const [i, magnitude] of original.magnitude.entries()) {
          const isDominant = (i % count) + 1 === dominant[Math.floor(i / count)];
          expect(projected.magnitude[i]).toBeCloseTo(isDominant ? magnitude : 0, 12);
          expect(rest.magnitude[i]).toBeCloseTo(isDominant ? 0 : magnitude, 12);
        }
        for (const [m, mean] of original.mean.entries()) {
          expect(projected.mean[m]).toBeCloseTo(0, 12);
          expect(rest.mean[m]).toBeCloseTo(mean, 12);
        }
      }
    }),
  );
});

test("of a neuron without a frequency nothing is kept, and nothing is taken out", () => {
  const [theta, xi] = [new Float64Array(7).fill(0.3), cosineLayer(7, [[1, 0.5]])];
  const kept = projectOnDominant(theta, xi, 7);
  expect([...kept.theta, ...kept.xi]).toEqual(Array(14).fill(0));
  expect(removeDominant(theta, xi, 7)).toEqual({ theta, xi });
});
