import fc from "fast-check";
import { expect, test } from "vitest";
import { wrapAngle } from "./angle.ts";
import {
  blowUpTime,
  eulerFlow,
  type FlowState,
  flowMisalignment,
  invariantDrift,
  outcomeContour,
  simulateFlow,
} from "./flow.ts";

const angle = fc.double({ min: -Math.PI, max: Math.PI, noNaN: true });
const magnitude = fc.double({ min: 1e-3, max: 1, noNaN: true });
const start = fc.record({ alpha: magnitude, beta: magnitude, phi: angle, psi: angle });
const modulus = fc.integer({ min: 1, max: 99 }).map((half) => 2 * half + 1);

test("the paper's two cases, in its own Euler steps", () => {
  const one = eulerFlow({ alpha: 0.02, beta: 0.02, phi: 1.5, psi: 0.18 }, 23, 1_400, 1 / 529);
  expect(flowMisalignment(one[0]!).toFixed(2)).toBe("2.82");
  expect(one.findIndex((state) => flowMisalignment(state) < Math.PI / 2)).toBe(504);
  expect([one.at(-1)!.alpha.toFixed(5), one.at(-1)!.beta.toFixed(5)]).toEqual(["0.04796", "0.03674"]);
  const two = eulerFlow({ alpha: 0.02, beta: 0.02, phi: -0.72, psi: -2.91 }, 23, 700, 1 / 529);
  expect([two.at(-1)!.alpha.toFixed(5), two.at(-1)!.beta.toFixed(5)]).toEqual(["0.11097", "0.07972"]);
});

test("the corners of the paper's contour", () => {
  const grid = { modulus: 23, steps: 100, timeStep: 0.01 };
  const beta = outcomeContour({ ...grid, scales: [0.01, 0.02], doubledPhases: [0, Math.PI / 2, Math.PI] });
  expect([0, 3, 4, 5].map((i) => beta[i]!.toFixed(6))).toEqual([
    "0.013967",
    "0.060207",
    "0.035581",
    "0.015506",
  ]);
});

test("beta is infinite where Euler's steps leave float64, and nowhere not a number", () => {
  const doubledPhases = Array.from({ length: 61 }, (_, i) => (Math.PI * (i - 30)) / 30);
  const grid = { modulus: 23, scales: [0.02, 0.3, 0.5, 1], doubledPhases, steps: 100, timeStep: 0.01 };
  const beta = outcomeContour(grid);
  for (const value of beta) expect(value).toBeGreaterThan(0);
  expect(beta[30]).toBeLessThan(Number.POSITIVE_INFINITY);
  expect(beta.at(-31)).toBe(Number.POSITIVE_INFINITY);
});

test("the drift is told as long as states are, however large, and in any unit", () => {
  const path = eulerFlow({ alpha: 1, beta: 1, phi: 0.3, psi: 0.2 }, 23, 50, 0.1);
  const states = path.slice(
    0,
    path.findIndex(({ alpha, beta }) => !Number.isFinite(alpha + beta)),
  );
  expect(states.at(-1)!.alpha).toBeGreaterThan(1e110);
  const drift = invariantDrift(states[0]!, states);
  expect(drift.magnitude).toBeGreaterThan(0);
  expect(drift.magnitude).toBeLessThanOrEqual(2);
  expect(drift.phase).toBeGreaterThan(0);
  expect(drift.phase).toBeLessThanOrEqual(2);
  fc.assert(
    fc.property(start, modulus, fc.integer({ min: 0, max: 1_000 }), (from, p, exponent) => {
      const some = eulerFlow(from, p, 5, 1e-4);
      const times = (factor: number) =>
        some.map(({ alpha, beta, ...angles }) => ({ alpha: alpha * factor, beta: beta * factor, ...angles }));
      const larger = times(2 ** exponent);
      const [one, other] = [invariantDrift(some[0]!, some), invariantDrift(larger[0]!, larger)];
      // Below that, digits are lost.
      expect(Math.abs(one.magnitude - other.magnitude)).toBeLessThan(1e-290);
      expect(Math.abs(one.phase - other.phase)).toBeLessThan(1e-290);
    }),
  );
});

test("Euler steps on the amplitudes are Euler steps on the vectors", () => {
  fc.assert(
    fc.property(start, fc.constantFrom(5, 7, 23), fc.integer({ min: 1, max: 2 }), (from, p, k) => {
      const w = (2 * Math.PI * k) / p;
      const cosine = (size: number, phase: number) =>
        Array.from({ length: p }, (_, j) => size * Math.cos(w * j + phase));
      let { alpha, beta, phi, psi } = from;
      const theta = cosine(alpha, phi);
      const xi = cosine(beta, psi);
      const read = (row: number[]): [number, number] => {
        const c = (2 / p) * row.reduce((sum, value, j) => sum + value * Math.cos(w * j), 0);
        const s = (2 / p) * row.reduce((sum, value, j) => sum + value * Math.sin(w * j), 0);
        return [Math.hypot(c, s), Math.atan2(-s, c)];
      };
      const dt = 0.1 / p ** 2;
      for (let step = 0; step < 20; step++) {
        for (let j = 0; j < p; j++) {
          theta[j]! += dt * 2 * p * alpha * beta * Math.cos(w * j + psi - phi);
          xi[j]! += dt * p * alpha ** 2 * Math.cos(w * j + 2 * phi);
        }
        [alpha, phi] = read(theta);
        [beta, psi] = read(xi);
      }
      const state = eulerFlow(from, p, 20, dt).at(-1)!;
      const same = (a: number, b: number) => expect(Math.abs(a - b)).toBeLessThan(1e-12);
      same(state.alpha * Math.cos(state.phi), alpha * Math.cos(phi));
      same(state.alpha * Math.sin(state.phi), alpha * Math.sin(phi));
      same(state.beta * Math.cos(state.psi), beta * Math.cos(psi));
      same(state.beta * Math.sin(state.psi), beta * Math.sin(psi));
    }),
    { numRuns: 50 },
  );
});

test("both invariants drift by less than 1e-9 all the way up", () => {
  fc.assert(
    fc.property(start, modulus, (from, p) => {
      // Close to the repeller the way out grows from rounding.
      fc.pre(Math.abs(flowMisalignment(from)) < Math.PI - 1e-3);
      const end = blowUpTime(from, p);
      const times = [0, 0.3, 0.6, 0.9, 0.99, 0.999].map((share) => share * end);
      const { states, drift } = simulateFlow(from, p, times);
      expect(states).toHaveLength(times.length);
      expect(states[0]).toEqual({ ...from, phi: wrapAngle(from.phi), psi: wrapAngle(from.psi) });
      expect(drift.magnitude).toBeLessThan(1e-9);
      expect(drift.phase).toBeLessThan(1e-9);
    }),
    { numRuns: 200 },
  );
});

test("a start beyond one turn is told within it, in both methods, and has not drifted", () => {
  const turns = fc.integer({ min: -1e6, max: 1e6 }).map((n) => 2 * Math.PI * n);
  fc.assert(
    fc.property(start, turns, turns, (from, phiTurns, psiTurns) => {
      const turned = { ...from, phi: from.phi + phiTurns, psi: from.psi + psiTurns };
      const adaptive = simulateFlow(turned, 23, [0]);
      for (const state of [eulerFlow(turned, 23, 1, 1e-6)[0]!, adaptive.states[0]!]) {
        expect([state.alpha, state.beta]).toEqual([from.alpha, from.beta]);
        for (const phase of ["phi", "psi"] as const) {
          expect(state[phase]).toBeGreaterThanOrEqual(-Math.PI);
          expect(state[phase]).toBeLessThan(Math.PI);
          expect(Math.cos(state[phase])).toBeCloseTo(Math.cos(turned[phase]), 12);
          expect(Math.sin(state[phase])).toBeCloseTo(Math.sin(turned[phase]), 12);
        }
      }
      expect(adaptive.drift).toEqual({ magnitude: 0, phase: 0 });
    }),
  );
  const far = eulerFlow({ alpha: 1, beta: 1, phi: 1e300, psi: -1e300 }, 23, 0, 1)[0]!;
  expect(Math.sin(far.phi)).toBeCloseTo(Math.sin(1e300), 12);
  expect(Math.sin(far.psi)).toBeCloseTo(-Math.sin(1e300), 12);
});

test("it moves as its equations say; D falls by p (4 beta + alpha^2 / beta) sin D, not by what the blog prints", () => {
  fc.assert(
    fc.property(start, modulus, (from, p) => {
      const { alpha, beta } = from;
      const D = flowMisalignment(from);
      const dt = 1e-5 / (p * (4 * beta + alpha ** 2 / beta));
      const next = simulateFlow(from, p, [dt]).states[0]!;
      const rate = (change: number) => change / dt;
      const near = (got: number, wanted: number, scale: number) =>
        expect(Math.abs(got - wanted)).toBeLessThan(1e-3 * scale);
      near(rate(next.alpha - alpha), 2 * p * alpha * beta * Math.cos(D), p * alpha * (alpha + beta));
      near(rate(next.beta - beta), p * alpha ** 2 * Math.cos(D), p * alpha * (alpha + beta));
      const turned = Math.sin(flowMisalignment(next) - D);
      const pull = p * (4 * beta + alpha ** 2 / beta);
      near(rate(turned), -pull * Math.sin(D), pull);
      const printed = -p * (4 * beta ** 2 - alpha ** 2 / beta) * Math.sin(D);
      if (Math.abs(printed + pull * Math.sin(D)) > 0.01 * pull)
        expect(Math.abs(rate(turned) - printed)).toBeGreaterThan(1e-3 * pull);
    }),
    { numRuns: 300 },
  );
});

test("D = 0 attracts and D = pi repels", () => {
  const at = (D: number): FlowState => ({ alpha: 0.1, beta: 0.1, phi: D / 2, psi: 0 });
  const later = (state: FlowState) => flowMisalignment(simulateFlow(state, 23, [0.1]).states[0]!);
  for (const D of [-2, -0.5, 0.5, 2]) expect(Math.abs(later(at(D)))).toBeLessThan(Math.abs(D));
  expect(later(at(3.1))).toBeLessThan(3.1);
});

test("the blow-up time is when the adaptive method sees beta grow as 1 / (2 p (T - t))", () => {
  fc.assert(
    fc.property(start, modulus, (from, p) => {
      const end = blowUpTime(from, p);
      // Close to the repeller the way out grows from rounding.
      fc.pre(Math.abs(flowMisalignment(from)) < Math.PI - 1e-3);
      const beta = simulateFlow(from, p, [0.9999 * end]).states[0]!.beta;
      expect(2 * p * beta * 1e-4 * end).toBeCloseTo(1, 3);
      expect(simulateFlow(from, p, [1.01 * end]).states).toEqual([]);
    }),
    { numRuns: 200 },
  );
});

test("the blow-up time of aligned phases is the elementary one, however small theta is", () => {
  fc.assert(
    fc.property(fc.double({ min: -150, max: 6, noNaN: true }), magnitude, modulus, (exponent, beta, p) => {
      const alpha = beta * 10 ** exponent;
      // beta' = p (2 beta^2 + C), C = alpha^2 - 2 beta^2.
      const x = (alpha / beta) ** 2 / 2;
      const s = Math.sqrt(Math.abs(1 - x));
      fc.pre(s > 1e-3);
      const wanted = (x < 1 ? Math.log((1 + s) ** 2 / x) / 2 : Math.atan(s)) / (2 * p * beta * s);
      const aligned = blowUpTime({ alpha, beta, phi: 0.3, psi: 0.6 }, p);
      expect(aligned / wanted).toBeCloseTo(1, 9);
    }),
    { numRuns: 1_000 },
  );
});

test("the blow-up time holds near the repeller, with either of the two much smaller than the other", () => {
  const exponent = fc.double({ min: -9, max: 9, noNaN: true });
  const offset = fc.double({ min: -3, max: 0, noNaN: true }).map((e) => 10 ** e);
  fc.assert(
    fc.property(exponent, offset, fc.boolean(), modulus, (e, away, left, p) => {
      const D = left ? Math.PI - away : away - Math.PI;
      const from = { alpha: Math.min(1, 10 ** e), beta: Math.min(1, 10 ** -e), phi: D / 2, psi: 0 };
      const end = blowUpTime(from, p);
      const { beta } = simulateFlow(from, p, [0.9999 * end]).states[0]!;
      expect(2 * p * beta * 1e-4 * end).toBeCloseTo(1, 3);
    }),
    { numRuns: 300 },
  );
});

test("with everything kappa times as large it blows up kappa times as soon, and p times as soon in Z_p", () => {
  fc.assert(
    fc.property(start, modulus, fc.constantFrom(2 ** -20, 0.25, 2, 2 ** 30), (from, p, kappa) => {
      const scaled = { ...from, alpha: kappa * from.alpha, beta: kappa * from.beta };
      expect(blowUpTime(scaled, p) * kappa).toBe(blowUpTime(from, p));
      expect((blowUpTime(from, p) * p) / blowUpTime(from, 3) / 3).toBeCloseTo(1, 12);
    }),
  );
});

test("what never blows up says so: no theta, and the way into the repeller", () => {
  expect(blowUpTime({ alpha: 0, beta: 1, phi: 0, psi: 0 }, 23)).toBe(Number.POSITIVE_INFINITY);
  expect(blowUpTime({ alpha: 1, beta: 1, phi: 0, psi: Math.PI }, 23)).toBeGreaterThan(0.3);
  // Without xi the flow makes its own, aligned.
  const alone = blowUpTime({ alpha: 1, beta: 0, phi: 0.7, psi: 0 }, 23);
  const { beta } = simulateFlow({ alpha: 1, beta: 0, phi: 0.7, psi: 0 }, 23, [0.9999 * alone]).states[0]!;
  expect(2 * 23 * beta * 1e-4 * alone).toBeCloseTo(1, 4);
  expect(simulateFlow({ alpha: 0, beta: 0, phi: 0, psi: 0 }, 23, [1, 2]).states).toHaveLength(2);
});
