import fc from "fast-check";
import { expect, test } from "vitest";
import { blowUpTime, eulerFlow, type FlowState, simulateFlow } from "./flow.ts";
import { dominantFrequencies, spectrum } from "./fourier.ts";
import { decidedNetworks } from "./testing/networks.ts";
import { theoryResiduals, weightResiduals } from "./theory-residuals.ts";

const modulus = 11;
const angle = fc.double({ min: -Math.PI, max: Math.PI, noNaN: true });
const magnitude = fc.double({ min: 0.1, max: 1, noNaN: true });
const states = fc.array(fc.record({ alpha: magnitude, beta: magnitude, phi: angle, psi: angle }), {
  minLength: 1,
  maxLength: 6,
});

/** A network of neurons of one frequency each, by turns 1..K. */
function spectraOf(neurons: readonly FlowState[]) {
  const layer = (size: (state: FlowState) => number, phase: (state: FlowState) => number) =>
    spectrum(
      Float64Array.from(
        neurons.flatMap((state, m) =>
          Array.from({ length: modulus }, (_, j) => {
            const w = (2 * Math.PI * (1 + (m % 5))) / modulus;
            return size(state) * Math.cos(w * j + phase(state));
          }),
        ),
      ),
      modulus,
    );
  const theta = layer(
    ({ alpha }) => alpha,
    ({ phi }) => phi,
  );
  const xi = layer(
    ({ beta }) => beta,
    ({ psi }) => psi,
  );
  return { theta, xi };
}

const residuals = (before: FlowState[], after: FlowState[], time?: number) => {
  const now = spectraOf(after);
  return theoryResiduals(spectraOf(before), now, dominantFrequencies(now.theta), time);
};

test("neurons that follow the flow have no residuals", () => {
  fc.assert(
    fc.property(states, fc.double({ min: 0, max: 0.9, noNaN: true }), (neurons, share) => {
      const time = share * Math.min(...neurons.map((state) => blowUpTime(state, modulus)));
      const after = neurons.map((state) => simulateFlow(state, modulus, [time]).states[0]!);
      const { magnitudeDrift, phaseDrift, misalignmentError } = residuals(neurons, after, time);
      expect(magnitudeDrift).toBeLessThan(1e-9);
      expect(phaseDrift).toBeLessThan(1e-9);
      expect(misalignmentError).toBeLessThan(1e-7);
    }),
    { numRuns: 50 },
  );
});

test("steps of a learning rate stray from it, the more the larger they are", () => {
  const start = { alpha: 0.3, beta: 0.2, phi: 1.2, psi: 0.3 };
  const time = 0.5 * blowUpTime(start, modulus);
  const [fine, coarse] = [1_000, 20].map((steps) =>
    residuals([start], [eulerFlow(start, modulus, steps, time / steps).at(-1)!], time),
  );
  for (const name of ["magnitudeDrift", "phaseDrift", "misalignmentError"] as const) {
    expect(coarse![name]).toBeGreaterThan(10 * fine![name]!);
    expect(coarse![name]).toBeLessThan(0.5);
  }
});

test("the change of each invariant is relative to the larger of the two states", () => {
  const before = { alpha: 1, beta: 1, phi: 0, psi: -Math.PI / 2 };
  const after = { alpha: 2, beta: 1, phi: 0, psi: -Math.PI / 2 };
  const { magnitudeDrift, phaseDrift, misalignmentError } = residuals([before], [after]);
  // 4 - 2 against 1 - 2 over 4 + 2; 4 against 1 over 4.
  expect(magnitudeDrift).toBeCloseTo(0.5, 12);
  expect(phaseDrift).toBeCloseTo(0.75, 12);
  expect(misalignmentError).toBeUndefined();
  const back = residuals([after], [before]);
  expect([back.magnitudeDrift, back.phaseDrift]).toEqual([magnitudeDrift, phaseDrift]);
});

test("a neuron whose flow has blown up does not count in the misalignment, and none leaves nothing", () => {
  const slow = { alpha: 0.1, beta: 0.1, phi: 0.5, psi: 0 };
  const quick = { alpha: 1, beta: 1, phi: 0.5, psi: 0 };
  const time = 2 * blowUpTime(quick, modulus);
  const after = [simulateFlow(slow, modulus, [time]).states[0]!, { ...quick, phi: 3 }];
  expect(residuals([slow, quick], after, time).misalignmentError).toBeLessThan(1e-7);
  expect(residuals([quick], [quick], time)).toEqual({ magnitudeDrift: 0, phaseDrift: 0 });
});

test("a neuron that has no frequency now does not count, whatever it had at the base", () => {
  const at = (alpha: number) => ({ alpha, beta: 1, phi: 0, psi: -Math.PI / 2 });
  expect(residuals([at(1), at(1)], [at(2), at(0)])).toEqual(residuals([at(1)], [at(2)]));
});

test("residuals of any two networks are in their ranges", () => {
  fc.assert(
    fc.property(decidedNetworks, fc.double({ min: 0, max: 1, noNaN: true }), (network, time) => {
      const { modulus: p, theta, xi } = network;
      const now = { theta: spectrum(theta, p), xi: spectrum(xi, p) };
      const base = { theta: spectrum(xi, p), xi: spectrum(theta, p) };
      const found = theoryResiduals(base, now, dominantFrequencies(now.theta), time);
      const most = { magnitudeDrift: 2, phaseDrift: 2, misalignmentError: Math.PI };
      for (const [name, value] of Object.entries(found)) {
        expect(value).toBeGreaterThanOrEqual(0);
        expect(value).toBeLessThanOrEqual(most[name as keyof typeof most]);
      }
    }),
  );
});

test("a network does not drift from itself, and weights without any frequency have no residuals", () => {
  fc.assert(
    fc.property(decidedNetworks, (network) => {
      const measured = weightResiduals(network, network, network.modulus, 0);
      expect(measured.magnitudeDrift ?? 0).toBe(0);
      expect(measured.phaseDrift ?? 0).toBe(0);
      expect(measured.misalignmentError ?? 0).toBeLessThan(1e-6);
    }),
  );
  const flat = { theta: new Float32Array(14).fill(1), xi: new Float32Array(14).fill(2) };
  expect(weightResiduals(flat, flat, 7, 1)).toEqual({});
});
