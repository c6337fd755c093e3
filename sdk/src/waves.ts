import type { Spectrum } from "./spectrum.ts";

/** One neuron at its dominant frequency k, that of theta: theta_m is near alpha cos(2 pi k j / p + phi), xi_m near beta cos(2 pi k j / p + psi). */
export interface Wave {
  /** 0 to M - 1. */
  readonly neuron: number;
  /** k, 1 to (p - 1) / 2; 0 for a neuron whose theta is constant: that has no wave, and all that follows is 0. */
  readonly frequency: number;
  /** Magnitude of theta. */
  readonly alpha: number;
  /** Phase of theta, radians in [-pi, pi). */
  readonly phi: number;
  /** Magnitude of xi. */
  readonly beta: number;
  /** Phase of xi, radians in [-pi, pi). */
  readonly psi: number;
  /** D = 2 phi - psi, radians in [-pi, pi). */
  readonly misalignment: number;
}

/**
 * The neurons of a spectrum as single waves, in its order.
 *
 * @example
 * const aligned = waves(await session.spectrum()).filter(({ misalignment }) => Math.abs(misalignment) < 0.1);
 */
export function waves({ neurons, theta, xi, dominantFrequency, misalignment }: Spectrum): Wave[] {
  const frequencies = theta.magnitude.shape[1] ?? 0;
  return Array.from(dominantFrequency.data, (frequency, row) => {
    if (frequency === 0)
      return { neuron: neurons[row]!, frequency, alpha: 0, phi: 0, beta: 0, psi: 0, misalignment: 0 };
    const i = row * frequencies + frequency - 1;
    return {
      neuron: neurons[row]!,
      frequency,
      alpha: theta.magnitude.data[i]!,
      phi: theta.phase.data[i]!,
      beta: xi.magnitude.data[i]!,
      psi: xi.phase.data[i]!,
      misalignment: misalignment.data[row]!,
    };
  });
}
