import fc from "fast-check";
import { expect, test } from "vitest";
import { wrapAngle } from "./angle.ts";
import { blowUpTime, flowMisalignment, simulateFlow } from "./flow.ts";
import { misalignmentAfter } from "./flow-misalignment.ts";

const angle = fc.double({ min: -Math.PI, max: Math.PI, noNaN: true });
const magnitude = fc.double({ min: -3, max: 0, noNaN: true }).map((exponent) => 10 ** exponent);
const start = fc.record({ alpha: magnitude, beta: magnitude, phi: angle, psi: angle });
const modulus = fc.integer({ min: 1, max: 99 }).map((half) => 2 * half + 1);

test("is where the integrated flow is, before and after the turning point, up to the blow-up", () => {
  fc.assert(
    fc.property(start, modulus, fc.double({ min: 0, max: 0.999, noNaN: true }), (from, p, share) => {
      const time = share * blowUpTime(from, p);
      const [state] = simulateFlow(from, p, [time]).states;
      // Towards the repeller and far above the start the integrator gives up.
      fc.pre(Number.isFinite(time) && state !== undefined);
      expect(Math.abs(wrapAngle(misalignmentAfter(from, p, time)! - flowMisalignment(state)))).toBeLessThan(
        1e-9,
      );
    }),
    { numRuns: 500 },
  );
});

test("begins where the flow begins, and no time is past the blow-up", () => {
  fc.assert(
    fc.property(start, modulus, (from, p) => {
      const end = blowUpTime(from, p);
      expect(Math.abs(wrapAngle(misalignmentAfter(from, p, 0)! - flowMisalignment(from)))).toBeLessThan(1e-7);
      fc.pre(Number.isFinite(end));
      expect(misalignmentAfter(from, p, end * (1 + 1e-9))).toBeUndefined();
      expect(Math.abs(misalignmentAfter(from, p, end * (1 - 1e-9))!)).toBeLessThan(1e-2);
    }),
  );
});

test("stays on the attractor and on the repeller, and is nothing without a phase", () => {
  const state = { alpha: 0.5, beta: 0.25, phi: 0, psi: 0 };
  expect(misalignmentAfter(state, 23, 0.01)).toBe(0);
  // A beta that vanishes on the way turns at once.
  const opposed = { ...state, psi: -Math.PI };
  expect(Math.abs(misalignmentAfter(opposed, 23, 0.001)!)).toBeCloseTo(Math.PI, 12);
  expect(misalignmentAfter(opposed, 23, 0.9 * blowUpTime(opposed, 23))).toBeCloseTo(0, 12);
  expect(misalignmentAfter({ ...state, alpha: 0 }, 23, 0.01)).toBeUndefined();
  expect(misalignmentAfter({ ...state, beta: 0 }, 23, 0.01)).toBeUndefined();
});
