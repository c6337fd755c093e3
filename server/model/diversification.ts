import { atDominant, type Spectrum } from "./fourier.ts";
import { frequencyCount } from "./fourier-basis.ts";

/** Mean and population standard deviation. */
export interface MeanAndSpread {
  readonly mean: number;
  readonly spread: number;
}

/** How evenly one group of neurons, those of one dominant frequency, covers phases and magnitudes. */
export interface FrequencyGroup {
  /** k, 1..K */
  readonly frequency: number;
  readonly neurons: number;
  /** |mean e^{i n phi}| for n = 1..4, in [0, 1]: 0 for evenly spread phases. Absent in an empty group. */
  readonly phaseConcentration?: readonly [number, number, number, number];
  /** Of theta's magnitude alpha at k. Absent in an empty group, like the next two. */
  readonly alpha?: MeanAndSpread;
  /** Of xi's magnitude beta at k. */
  readonly beta?: MeanAndSpread;
  /** Of alpha^2 beta, the strength of a neuron's vote. */
  readonly vote?: MeanAndSpread;
}

/**
 * Diversification of every frequency group, k = 1..K. Full diversification (phases evenly spread, alpha^2 beta equal)
 * is what makes noise cancel between neurons. Paper, figures 6 and 7.
 *
 * @param dominant - [M], theta's k*; a neuron without one (0) is in no group
 */
export function diversification(theta: Spectrum, xi: Spectrum, dominant: Uint8Array): FrequencyGroup[] {
  return Array.from({ length: frequencyCount(theta.modulus) }, (_, i) => {
    const members = [...dominant.keys()].filter((m) => dominant[m] === i + 1);
    if (members.length === 0) return { frequency: i + 1, neurons: 0 };
    const alphas = members.map((m) => atDominant(theta, theta.magnitude, dominant, m));
    const betas = members.map((m) => atDominant(xi, xi.magnitude, dominant, m));
    const phases = members.map((m) => atDominant(theta, theta.phase, dominant, m));
    return {
      frequency: i + 1,
      neurons: members.length,
      phaseConcentration: [
        concentration(phases, 1),
        concentration(phases, 2),
        concentration(phases, 3),
        concentration(phases, 4),
      ],
      alpha: meanAndSpread(alphas),
      beta: meanAndSpread(betas),
      vote: meanAndSpread(alphas.map((alpha, member) => alpha * alpha * betas[member])),
    };
  });
}

/** Mean and population standard deviation of at least one value. */
export function meanAndSpread(values: readonly number[]): MeanAndSpread {
  const mean = values.reduce((sum, value) => sum + value, 0) / values.length;
  const variance = values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / values.length;
  return { mean, spread: Math.sqrt(variance) };
}

function concentration(phases: readonly number[], multiple: number): number {
  let real = 0;
  let imaginary = 0;
  for (const phase of phases) {
    real += Math.cos(multiple * phase);
    imaginary += Math.sin(multiple * phase);
  }
  return Math.hypot(real, imaginary) / phases.length;
}
