import { wrapAngle } from "./angle.ts";
import { atDominant, type Spectrum } from "./fourier.ts";
import { meanOfPresent } from "./present-values.ts";

/**
 * D_m = 2 phi_m - psi_m of every neuron, at theta's dominant frequency: how far the output phase is from twice the
 * input phase. Radians in [-pi, pi); undefined where either layer has no amplitude at k*.
 *
 * @param dominant - [M], theta's k*
 */
export function misalignments(theta: Spectrum, xi: Spectrum, dominant: Uint8Array): (number | undefined)[] {
  return Array.from(dominant, (_, m) => {
    const exists =
      atDominant(theta, theta.magnitude, dominant, m) > 0 && atDominant(xi, xi.magnitude, dominant, m) > 0;
    if (!exists) return undefined;
    return wrapAngle(2 * atDominant(theta, theta.phase, dominant, m) - atDominant(xi, xi.phase, dominant, m));
  });
}

/**
 * Mean over neurons of |sin D_m|. 0 when every output phase is twice its input phase, or opposite to it; 2/pi for
 * independent phases. Paper, figure 14(c).
 *
 * @returns dimensionless, in [0, 1]; undefined when no neuron has a misalignment
 */
export function meanAbsSinMisalignment(
  theta: Spectrum,
  xi: Spectrum,
  dominant: Uint8Array,
): number | undefined {
  return meanOfPresent(
    misalignments(theta, xi, dominant).map((angle) =>
      angle === undefined ? undefined : Math.abs(Math.sin(angle)),
    ),
  );
}
