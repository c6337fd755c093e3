import fc from "fast-check";
import { expect, test } from "vitest";
import { summarizeSpectrum } from "./spectrum-summary.ts";
import { decidedNetworks } from "./testing/networks.ts";
import { weightMeasures } from "./weight-measures.ts";

test("cosine fits are those of the spectrum's summary, and a network does not drift from itself", () => {
  fc.assert(
    fc.property(decidedNetworks, (network) => {
      const { modulus, theta, xi } = network;
      const summary = summarizeSpectrum(theta, xi, modulus, Uint32Array.of());
      const measured = weightMeasures(network, modulus, network, 0);
      expect(measured.thetaCosineFit).toBe(summary.thetaLayer.meanCosineFit);
      expect(measured.xiCosineFit).toBe(summary.xiLayer.meanCosineFit);
      expect(measured.magnitudeDrift ?? 0).toBe(0);
      expect(measured.phaseDrift ?? 0).toBe(0);
      expect(measured.misalignmentError ?? 0).toBeLessThan(1e-6);
    }),
  );
});

test("weights without any frequency have no measures, and without a base no residuals", () => {
  const flat = { theta: new Float32Array(14).fill(1), xi: new Float32Array(14).fill(2) };
  expect(weightMeasures(flat, 7, flat, 1)).toEqual({});
  const one = { theta: Float32Array.of(1, 0, 0), xi: Float32Array.of(0, 1, 0) };
  expect(weightMeasures(one, 3)).toEqual({ thetaCosineFit: 1, xiCosineFit: 1 });
});
