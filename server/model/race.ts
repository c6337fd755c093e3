import { float32Angle, wrapAngle } from "./angle.ts";
import { spectrum } from "./fourier.ts";

/** Where all frequencies of some neurons stand, n neurons, K frequencies; paper, figures 9 and 10. */
export interface RaceState {
  /** [n, K] */
  readonly thetaMagnitude: Float32Array;
  /** [n, K] */
  readonly xiMagnitude: Float32Array;
  /** [n, K], radians in [-pi, pi). */
  readonly thetaPhase: Float32Array;
  /** [n, K], radians in [-pi, pi). */
  readonly xiPhase: Float32Array;
  /** [n, K], 2 phi - psi of every frequency, radians in [-pi, pi); 0 where a layer has no amplitude. */
  readonly misalignment: Float32Array;
}

/**
 * Magnitudes, phases and misalignments of all frequencies of some neurons.
 *
 * @param theta - [M, p] row-major
 * @param xi - [M, p] row-major
 * @param neurons - which, in this order
 */
export function raceState(
  theta: Float32Array | Float64Array,
  xi: Float32Array | Float64Array,
  modulus: number,
  neurons: readonly number[],
): RaceState {
  const rows = (layer: Float32Array | Float64Array) => {
    const chosen = new Float64Array(neurons.length * modulus);
    for (const [row, m] of neurons.entries())
      chosen.set(layer.subarray(m * modulus, (m + 1) * modulus), row * modulus);
    return spectrum(chosen, modulus);
  };
  const inner = rows(theta);
  const outer = rows(xi);
  return {
    thetaMagnitude: Float32Array.from(inner.magnitude),
    xiMagnitude: Float32Array.from(outer.magnitude),
    thetaPhase: Float32Array.from(inner.phase, float32Angle),
    xiPhase: Float32Array.from(outer.phase, float32Angle),
    misalignment: Float32Array.from(inner.phase, (phi, i) =>
      inner.magnitude[i] > 0 && outer.magnitude[i] > 0
        ? float32Angle(wrapAngle(2 * phi - outer.phase[i]))
        : 0,
    ),
  };
}
