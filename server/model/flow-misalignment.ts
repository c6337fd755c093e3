import { aboveTurningPoint, blowUpTime, carlson, type FlowState, flowMisalignment } from "./flow.ts";

/**
 * D = 2 phi - psi of the flow (`flow.ts`) after some time, without stepping. By how much s the square of beta is above its turning point
 * (u', v' there for beta^2 and alpha^2) follows (ds/dt)^2 = 16 p^2 s (s^2 + B s + E) with B = u' + v' and E = v' (v' + 4 u') / 4, and
 * tan D = v' sqrt(u') / (+-2 sqrt(s (s^2 + B s + E))), negative before the turning point. Of z = 2 p t from there s is an elliptic
 * function with a double zero, whose duplication formula, s(2z) = 4 E s (s^2 + B s + E) / (E - s^2)^2, is that of a cubic with the root
 * 0 (NIST Digital Library of Mathematical Functions, 23.20): sums of positive terms up to the blow-up, where s^2 = E at half of z.
 *
 * @param time - not negative
 * @returns radians in [-pi, pi]; undefined when the flow has blown up by then, and where there is no D: without theta or xi
 */
export function misalignmentAfter(start: FlowState, modulus: number, time: number): number | undefined {
  const { alpha, beta, phi, psi } = start;
  if (!(alpha > 0 && beta > 0)) return undefined;
  const { turn, fall, cosine } = aboveTurningPoint(start);
  const b = turn.u + turn.v;
  const e = turn.v * (turn.v / 4 + turn.u);
  // On the attractor nothing turns, nor where squares of what is left would vanish.
  if (!(e > leastTurn)) return time < blowUpTime(start, modulus) ? flowMisalignment(start) : undefined;
  const inverse = e / fall;
  const since =
    fall === 0
      ? 0
      : carlson(inverse, inverse + b / 2, inverse * inverse + b * inverse + e) * Math.sign(cosine);
  const z = since + 2 * modulus * Math.max(alpha, beta) * time;
  if (!(z < carlson(0, b / 2, e))) return undefined;
  const s = aboveTurn(Math.abs(z), b, e);
  const opposite = turn.v * Math.sqrt(turn.u) * Math.sign(Math.sin(2 * phi - psi));
  return Math.atan2(opposite, 2 * Math.sign(z) * Math.sqrt(s * (s * s + b * s + e)));
}

/** No phase is so close to the repeller that its e would be as small: only to the attractor. */
const leastTurn = 1e-80;

/** b z^2 up to which three terms of the series are enough. */
const seriesReach = 1e-5;

/** s(z), z not negative and below the first pole. */
function aboveTurn(z: number, b: number, e: number): number {
  const doublings = Math.max(0, Math.ceil(Math.log2((z * z * b) / seriesReach) / 2));
  const square = (z / 2 ** doublings) ** 2;
  let s = e * square * (1 + square * (b / 3 + square * ((2 * b * b) / 45 + e / 5)));
  for (let i = 0; i < doublings; i++) s = (4 * e * s * (s * s + b * s + e)) / (e - s * s) ** 2;
  return s;
}
