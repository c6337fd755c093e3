import fc from "fast-check";
import { expect, test } from "vitest";
import { wrapAngle } from "./angle.ts";
import { dominantFrequencies, spectrum } from "./fourier.ts";
import { meanAbsSinMisalignment, misalignments } from "./misalignment.ts";
import { cosineLayer } from "./testing/networks.ts";

const angle = fc.double({ min: -Math.PI, max: Math.PI, noNaN: true });
const neurons = fc.array(fc.record({ frequency: fc.integer({ min: 1, max: 5 }), phi: angle, psi: angle }), {
  minLength: 1,
  maxLength: 6,
});

test("is 2 phi - psi, wrapped, for pure cosines of any phases", () => {
  fc.assert(
    fc.property(neurons, (group) => {
      const theta = spectrum(
        cosineLayer(
          11,
          group.map(({ frequency, phi }) => [frequency, phi]),
        ),
        11,
      );
      const xi = spectrum(
        cosineLayer(
          11,
          group.map(({ frequency, psi }) => [frequency, psi]),
        ),
        11,
      );
      const dominant = dominantFrequencies(theta);
      const angles = misalignments(theta, xi, dominant);
      for (const [m, { phi, psi }] of group.entries()) {
        // Compared as angles, since rounding may take one across the cut at pi.
        expect(Math.abs(wrapAngle(angles[m]! - (2 * phi - psi)))).toBeLessThan(1e-12);
      }
      const mean =
        group.reduce((sum, { phi, psi }) => sum + Math.abs(Math.sin(2 * phi - psi)), 0) / group.length;
      expect(meanAbsSinMisalignment(theta, xi, dominant)).toBeCloseTo(mean, 11);
    }),
  );
});

test("xi is read at theta's dominant frequency, whatever its own", () => {
  const theta = spectrum(cosineLayer(11, [[2, 0.3]]), 11);
  const weak = cosineLayer(11, [[2, 0.1]]);
  const strong = cosineLayer(11, [[5, 2]]);
  const xi = spectrum(
    weak.map((w, i) => w + 10 * strong[i]),
    11,
  );
  expect(misalignments(theta, xi, dominantFrequencies(theta))[0]).toBeCloseTo(0.5, 12);
});

test("a neuron without amplitude has no misalignment, and doesn't count in the mean", () => {
  const theta = spectrum(Float64Array.from([...cosineLayer(11, [[2, 0.3]]), ...new Float64Array(11)]), 11);
  const xi = spectrum(
    cosineLayer(11, [
      [2, 0.1],
      [2, 1],
    ]),
    11,
  );
  const dominant = dominantFrequencies(theta);
  expect(misalignments(theta, xi, dominant)[1]).toBeUndefined();
  expect(meanAbsSinMisalignment(theta, xi, dominant)).toBeCloseTo(Math.sin(0.5), 12);
  const dead = spectrum(new Float64Array(22), 11);
  expect(meanAbsSinMisalignment(dead, xi, dominantFrequencies(dead))).toBeUndefined();
});
