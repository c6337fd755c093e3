import { wrapAngle } from "./angle.ts";

/**
 * One neuron at one frequency, decoupled from all others: theta = alpha cos(w_k j + phi), xi = beta cos(w_k j + psi). Magnitudes are
 * not negative, angles radians.
 */
export interface FlowState {
  readonly alpha: number;
  readonly beta: number;
  readonly phi: number;
  readonly psi: number;
}

/**
 * What the flow keeps: alpha^2 - 2 beta^2 and alpha^2 beta sin D. It is the gradient flow of the mean loss at small weights and
 * quadratic activation (paper, dynamics; DESIGN, "Flow"):
 * d alpha = 2 p alpha beta cos D, d beta = p alpha^2 cos D, d phi = -2 p beta sin D, d psi = p (alpha^2 / beta) sin D, D = 2 phi - psi.
 * A unit of time is p^2 steps of a learning rate of 1.
 */
export interface FlowInvariants {
  readonly magnitude: number;
  readonly phase: number;
}

/** States on the way of a flow. */
export interface FlowPath {
  /** At the times that were reached, which are all that were asked for unless the flow blew up before; phases in [-pi, pi). */
  readonly states: readonly FlowState[];
  /** Of the invariants over the states and the start: the largest change, over the largest alpha^2 + 2 beta^2 and alpha^2 beta by then. */
  readonly drift: FlowInvariants;
}

/** D = 2 phi - psi, radians in [-pi, pi). */
export function flowMisalignment({ phi, psi }: FlowState): number {
  return wrapAngle(2 * phi - psi);
}

export function flowInvariants({ alpha, beta, phi, psi }: FlowState): FlowInvariants {
  return {
    magnitude: alpha * alpha - 2 * beta * beta,
    phase: alpha * alpha * beta * Math.sin(2 * phi - psi),
  };
}

/** a = alpha e^{i phi} and b = beta e^{i psi}, real and imaginary parts: there the flow is a' = 2 p b conj(a), b' = p a^2. */
type Amplitudes = readonly [a: number, ai: number, b: number, bi: number];

function amplitudes({ alpha, beta, phi, psi }: FlowState): Amplitudes {
  return [alpha * Math.cos(phi), alpha * Math.sin(phi), beta * Math.cos(psi), beta * Math.sin(psi)];
}

function stateOf([a, ai, b, bi]: Amplitudes): FlowState {
  return {
    alpha: Math.hypot(a, ai),
    beta: Math.hypot(b, bi),
    phi: wrapAngle(Math.atan2(ai, a)),
    psi: wrapAngle(Math.atan2(bi, b)),
  };
}

/** The same with phases in [-pi, pi). */
function wrapped({ alpha, beta, phi, psi }: FlowState): FlowState {
  return { alpha, beta, phi: wrapAngle(phi), psi: wrapAngle(psi) };
}

function velocity([a, ai, b, bi]: Amplitudes, modulus: number): Amplitudes {
  return [
    2 * modulus * (b * a + bi * ai),
    2 * modulus * (bi * a - b * ai),
    modulus * (a * a - ai * ai),
    2 * modulus * a * ai,
  ];
}

/**
 * Explicit Euler steps on the vectors theta and xi, as the paper's code makes them: both stay on their frequency, so that steps on the
 * two complex amplitudes are the same.
 *
 * @param timeStep - the paper's is 1 / p^2
 * @returns the start and the state after each step, phases in [-pi, pi)
 */
export function eulerFlow(start: FlowState, modulus: number, steps: number, timeStep: number): FlowState[] {
  const states = [wrapped(start)];
  let now = amplitudes(start);
  for (let step = 0; step < steps; step++) {
    const v = velocity(now, modulus);
    now = now.map((value, i) => value + timeStep * v[i]!) as unknown as Amplitudes;
    states.push(stateOf(now));
  }
  return states;
}

/** Of one step: relative to theta's amplitude, however small it is beside xi's, and to the larger of the two for xi's, which may vanish. */
const tolerance = 1e-13;

/** A flow takes some hundreds until it blows up; near the repeller, some thousands. */
const mostSteps = 200_000;

/** A flow that has grown by so much is about to blow up. */
const largestGrowth = 1e6;

/**
 * The flow at increasing times, by the adaptive method of Dormand and Prince, order 5 with an error estimate of order 4. On the complex
 * amplitudes the flow is polynomial, so that vanishing magnitudes are no special case.
 *
 * @param times - increasing, not negative
 */
export function simulateFlow(start: FlowState, modulus: number, times: readonly number[]): FlowPath {
  const states: FlowState[] = [];
  let now = amplitudes(start);
  let at = 0;
  const scale = Math.hypot(...now);
  // The flow's own time scale is 1 / (p scale).
  let step = scale === 0 ? Number.POSITIVE_INFINITY : 0.01 / (modulus * scale);
  let steps = 0;
  for (const time of times) {
    while (at < time) {
      if (++steps > mostSteps) return { states, drift: invariantDrift(start, states) };
      const h = Math.min(step, time - at);
      const { next, error } = dormandPrince(now, modulus, h);
      // Of the last step to a time that is asked for, only an error that is too large tells of the step to come.
      if (error <= tolerance) {
        now = next;
        at = h === time - at ? time : at + h;
        if (h === step) step *= Math.min(4, 0.9 * (tolerance / error) ** 0.2 || 4);
      } else step = h * Math.max(0.2, 0.9 * (tolerance / error) ** 0.2);
      // Beyond what numbers can tell.
      if (!(at + step > at)) return { states, drift: invariantDrift(start, states) };
      if (!(Math.hypot(...now) < largestGrowth * scale || scale === 0))
        return { states, drift: invariantDrift(start, states) };
    }
    states.push(at === 0 ? wrapped(start) : stateOf(now));
  }
  return { states, drift: invariantDrift(start, states) };
}

/** Of the invariants: the largest change over the states, over the largest alpha^2 + 2 beta^2 and alpha^2 beta by then. */
export function invariantDrift(start: FlowState, states: readonly FlowState[]): FlowInvariants {
  const begin = wrapped(start);
  const drift = { magnitude: 0, phase: 0 };
  const largest = { magnitude: 0, phase: 0 };
  let amplitude = 0;
  /** What amplitudes are multiplied with, a power of two: the cubes of those that Euler's steps blow up would be infinite. */
  let unit = 1;
  for (const state of [begin, ...states]) {
    amplitude = Math.max(amplitude, state.alpha, state.beta);
    const before = unit;
    if (amplitude > mostCubed) unit = 2 ** -Math.floor(Math.log2(amplitude));
    const first = flowInvariants(scaled(begin, unit));
    const now = scaled(state, unit);
    const { magnitude, phase } = flowInvariants(now);
    const { alpha, beta } = now;
    largest.magnitude = Math.max(largest.magnitude * (unit / before) ** 2, alpha * alpha + 2 * beta * beta);
    largest.phase = Math.max(largest.phase * (unit / before) ** 3, alpha * alpha * beta);
    const relative = (change: number, scale: number) => (change === 0 ? 0 : Math.abs(change) / scale);
    drift.magnitude = Math.max(drift.magnitude, relative(magnitude - first.magnitude, largest.magnitude));
    drift.phase = Math.max(drift.phase, relative(phase - first.phase, largest.phase));
  }
  return drift;
}

/** The cube is finite, and so is three times it. */
const mostCubed = 1e100;

function scaled({ alpha, beta, phi, psi }: FlowState, unit: number): FlowState {
  return { alpha: alpha * unit, beta: beta * unit, phi, psi };
}

const stages = [
  [],
  [1 / 5],
  [3 / 40, 9 / 40],
  [44 / 45, -56 / 15, 32 / 9],
  [19372 / 6561, -25360 / 2187, 64448 / 6561, -212 / 729],
  [9017 / 3168, -355 / 33, 46732 / 5247, 49 / 176, -5103 / 18656],
  [35 / 384, 0, 500 / 1113, 125 / 192, -2187 / 6784, 11 / 84],
] as const;

/** Weights of order 5 less those of order 4. */
const errorWeights = [71 / 57600, 0, -71 / 16695, 71 / 1920, -17253 / 339200, 22 / 525, -1 / 40];

function dormandPrince(now: Amplitudes, modulus: number, h: number): { next: Amplitudes; error: number } {
  const slopes: Amplitudes[] = [];
  let point: Amplitudes = now;
  for (const weights of stages) {
    point = now.map(
      (value, i) => value + h * weights.reduce((sum, weight, s) => sum + weight * slopes[s]![i]!, 0),
    ) as unknown as Amplitudes;
    slopes.push(velocity(point, modulus));
  }
  const off = now.map(
    (_, i) => h * errorWeights.reduce((sum, weight, s) => sum + weight * slopes[s]![i]!, 0),
  ) as unknown as Amplitudes;
  const { alpha, beta } = stateOf(now);
  const [a, ai, b, bi] = off;
  // Without theta nothing moves.
  const error =
    alpha === 0 ? 0 : Math.max(Math.hypot(a, ai) / alpha, Math.hypot(b, bi) / Math.max(alpha, beta));
  return { next: point, error };
}

/**
 * When the flow from here grows without bound; Infinity when it never does: without theta, and on the repeller, which rounded phases miss.
 * With u = beta^2 and v = alpha^2 = 2u + C the invariants leave (du/dt)^2 = 4 p^2 (u v^2 - H^2), C = alpha^2 - 2 beta^2,
 * H = alpha^2 beta sin D: a cubic in u, so that the time is Carlson's elliptic integral R_F of the distances to its roots (NIST Digital
 * Library of Mathematical Functions, 19.29). While cos D < 0 the magnitudes first fall to where the cubic vanishes. Everything is a sum of
 * positive terms of that turning point's u and v, of which either may be tiny beside the start's.
 *
 * @returns in the flow's unit of time; Infinity too where alpha / beta is below 1e-154, too small to be squared
 */
export function blowUpTime({ alpha, beta, phi, psi }: FlowState, modulus: number): number {
  const scale = Math.max(alpha, beta);
  if (!(alpha > 0)) return Number.POSITIVE_INFINITY;
  const { u, turn, fall, cosine } = aboveTurningPoint({ alpha, beta, phi, psi });
  const rise = carlson(fall, (fall + u + turn.v) / 2, u * (fall + turn.v) + turn.v ** 2 / 4);
  if (beta === 0 || cosine >= 0) return rise / (2 * modulus * scale);
  const fromTurn = carlson(0, (turn.u + turn.v) / 2, turn.v * (turn.u + turn.v / 4));
  return (2 * fromTurn - rise) / (2 * modulus * scale);
}

/**
 * Where a state with theta stands beside the turning point of its flow: u = beta^2, the turning point's u and alpha^2, and
 * `fall`, by which u is above it, all in units of the square of the larger magnitude; and cos D.
 */
export function aboveTurningPoint({ alpha, beta, phi, psi }: FlowState) {
  const scale = Math.max(alpha, beta);
  const u = (beta / scale) ** 2;
  const v = (alpha / scale) ** 2;
  const cosine = Math.cos(2 * phi - psi);
  const turn = turningPoint(u, v, Math.sin(2 * phi - psi));
  // The other two roots e of the cubic have (u - e)(u - e') = u (u - turn.u) + u turn.v + turn.v^2 / 4, so that u - turn.u is the positive
  // solution of a quadratic equation; here over v.
  const linear = turn.shareOfV * (u + turn.v / 4);
  const fall = (v * u * cosine * cosine) / 2 / (linear + Math.hypot(linear, u * cosine));
  return { u, turn, fall, cosine };
}

/**
 * beta^2 and alpha^2 where cos D vanishes on the way of a flow, the latter also as a share of v: u' v'^2 = u v^2 sin^2 D with
 * v' - 2u' = v - 2u.
 */
function turningPoint(u: number, v: number, sine: number): { u: number; v: number; shareOfV: number } {
  const sine2 = sine * sine;
  const c = v - 2 * u;
  // Solved for the smaller of the two, as a share of the start's, from which the other follows by a sum.
  if (c < 0) {
    const share = rootBelow(
      Math.min(1, Math.abs(sine) * Math.sqrt((2 * u) / -c)),
      (x) => x * x * (v * x - c) - 2 * u * sine2,
      (x) => x * (3 * v * x - 2 * c),
    );
    return { u: (v * share - c) / 2, v: v * share, shareOfV: share };
  }
  const share = rootBelow(
    Math.min(1, sine2 * (v / c) ** 2 || 0),
    (x) => x * (2 * u * x + c) ** 2 - v * v * sine2,
    (x) => (2 * u * x + c) * (6 * u * x + c),
  );
  const least = 2 * u * share + c;
  return { u: u * share, v: least, shareOfV: least / v };
}

/** The root of an increasing convex function at or below a bound, by Newton's method, which then comes down to it from one side. */
function rootBelow(bound: number, value: (x: number) => number, slope: (x: number) => number): number {
  let root = bound;
  for (let i = 0; i < 200; i++) {
    const above = value(root);
    if (!(above > 0)) break;
    const next = root - above / slope(root);
    if (!(next < root)) break;
    root = Math.max(0, next);
  }
  return root;
}

/**
 * R_F(x, y, z) = (1/2) integral from 0 to infinity of dt / sqrt((t + x)(t + y)(t + z)), by duplication; y and z are given by their mean
 * and product, real or conjugate. Infinite when two of them are 0.
 */
export function carlson(x: number, mean: number, product: number): number {
  if (!(product > 0)) return Number.POSITIVE_INFINITY;
  let [first, middle, both] = [x, mean, product];
  for (let i = 0; i < 100; i++) {
    const center = (first + 2 * middle) / 3;
    const off = center - first;
    // |y - center|^2 or its real equivalent, as y z - center (y + z) + center^2.
    const pair = both - 2 * center * middle + center * center;
    if (Math.max(Math.abs(off), Math.sqrt(Math.abs(pair))) < 2e-3 * center) {
      const X = off / center;
      const e2 = (X * 2 * (center - middle)) / center + pair / center ** 2;
      const e3 = (X * pair) / center ** 2;
      const series = 1 - e2 / 10 + e3 / 14 + (e2 * e2) / 24 - (3 * e2 * e3) / 44;
      return series / Math.sqrt(center);
    }
    // sqrt(y) sqrt(z) and sqrt(y) + sqrt(z).
    const root = Math.sqrt(both);
    const sum = Math.sqrt(2 * (middle + root));
    const lambda = root + Math.sqrt(first) * sum;
    both = (both + 2 * lambda * middle + lambda * lambda) / 16;
    middle = (middle + lambda) / 4;
    first = (first + lambda) / 4;
  }
  return Number.POSITIVE_INFINITY;
}

export interface ContourGrid {
  readonly modulus: number;
  /** alpha = beta at the start. */
  readonly scales: readonly number[];
  /** 2 phi, with psi = 0; radians. */
  readonly doubledPhases: readonly number[];
  readonly steps: number;
  readonly timeStep: number;
}

/** beta after some Euler steps, over a grid of starts, [scales, doubledPhases], Infinity where the steps leave float64; paper, figure 11. */
export function outcomeContour(grid: ContourGrid): Float64Array {
  const { modulus, scales, doubledPhases, steps, timeStep } = grid;
  return Float64Array.from(
    scales.flatMap((scale) =>
      doubledPhases.map((doubled) => {
        let now = amplitudes({ alpha: scale, beta: scale, phi: doubled / 2, psi: 0 });
        for (let step = 0; step < steps; step++) {
          const v = velocity(now, modulus);
          now = now.map((value, i) => value + timeStep * v[i]!) as unknown as Amplitudes;
          if (!now.every(Number.isFinite)) return Number.POSITIVE_INFINITY;
        }
        return Math.hypot(now[2], now[3]);
      }),
    ),
  );
}
