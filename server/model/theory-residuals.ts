import { wrapAngle } from "./angle.ts";
import type { FlowState } from "./flow.ts";
import { flowInvariants, flowMisalignment } from "./flow.ts";
import { misalignmentAfter } from "./flow-misalignment.ts";
import { atDominant, dominantFrequencies, type Spectrum, spectrum } from "./fourier.ts";
import { meanOfPresent } from "./present-values.ts";

/** Both layers of a network in their Fourier bases. */
export interface Spectra {
  readonly theta: Spectrum;
  readonly xi: Spectrum;
}

/** How far a network has left the decoupled flow (`flow.ts`) that began at its base. A residual that no neuron has is absent. */
export interface TheoryResiduals {
  /** Mean over neurons of the change of alpha^2 - 2 beta^2, over the larger alpha^2 + 2 beta^2 of the two states. */
  readonly magnitudeDrift?: number;
  /** Mean over neurons of the change of alpha^2 beta sin D, over the larger alpha^2 beta of the two states. */
  readonly phaseDrift?: number;
  /**
   * Mean over neurons of |D of the flow after the time - D|, radians in [0, pi]; without the neurons whose flow has blown up by then and
   * those that have no D at the base or now.
   */
  readonly misalignmentError?: number;
}

/**
 * The residuals of the flow's two invariants and of its misalignment, each neuron at the dominant frequency that its theta has now;
 * without those whose theta is constant by now. DESIGN, "Flow".
 *
 * @param dominant - [M], of `now.theta`
 * @param time - of the flow since the base; without it there is no misalignment to compare
 */
export function theoryResiduals(
  base: Spectra,
  now: Spectra,
  dominant: Uint8Array,
  time: number | undefined,
): TheoryResiduals {
  const { modulus } = now.theta;
  const pairs = Array.from(
    dominant,
    (_, m) => [stateAt(base, dominant, m), stateAt(now, dominant, m)] as const,
  );
  const mean = (residual: (before: FlowState, after: FlowState) => number | undefined) =>
    meanOfPresent(pairs.map(([before, after]) => residual(before, after)));
  const magnitudeDrift = mean(magnitudeChange);
  const phaseDrift = mean(phaseChange);
  const misalignmentError = mean((before, after) =>
    time === undefined ? undefined : misalignmentOff(before, after, modulus, time),
  );
  return {
    ...(magnitudeDrift === undefined ? {} : { magnitudeDrift }),
    ...(phaseDrift === undefined ? {} : { phaseDrift }),
    ...(misalignmentError === undefined ? {} : { misalignmentError }),
  };
}

interface Weights {
  readonly theta: Float32Array | Float64Array;
  readonly xi: Float32Array | Float64Array;
}

/**
 * The same of weights, [M, p] row-major each.
 *
 * @param time - of the flow from `base` to `now`
 */
export function weightResiduals(
  base: Weights,
  now: Weights,
  modulus: number,
  time: number | undefined,
): TheoryResiduals {
  const spectra = ({ theta, xi }: Weights) => ({
    theta: spectrum(theta, modulus),
    xi: spectrum(xi, modulus),
  });
  const present = spectra(now);
  return theoryResiduals(spectra(base), present, dominantFrequencies(present.theta), time);
}

function stateAt({ theta, xi }: Spectra, dominant: Uint8Array, neuron: number): FlowState {
  return {
    alpha: atDominant(theta, theta.magnitude, dominant, neuron),
    beta: atDominant(xi, xi.magnitude, dominant, neuron),
    phi: atDominant(theta, theta.phase, dominant, neuron),
    psi: atDominant(xi, xi.phase, dominant, neuron),
  };
}

function magnitudeChange(before: FlowState, after: FlowState): number | undefined {
  const size = ({ alpha, beta }: FlowState) => alpha * alpha + 2 * beta * beta;
  const change = flowInvariants(after).magnitude - flowInvariants(before).magnitude;
  return relative(change, Math.max(size(before), size(after)));
}

function phaseChange(before: FlowState, after: FlowState): number | undefined {
  const size = ({ alpha, beta }: FlowState) => alpha * alpha * beta;
  const change = flowInvariants(after).phase - flowInvariants(before).phase;
  return relative(change, Math.max(size(before), size(after)));
}

function relative(change: number, scale: number): number | undefined {
  return scale > 0 ? Math.abs(change) / scale : undefined;
}

function misalignmentOff(
  before: FlowState,
  after: FlowState,
  modulus: number,
  time: number,
): number | undefined {
  const predicted = misalignmentAfter(before, modulus, time);
  if (predicted === undefined || !(after.alpha > 0 && after.beta > 0)) return undefined;
  return Math.abs(wrapAngle(predicted - flowMisalignment(after)));
}
