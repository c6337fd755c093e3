/** Neurons that do what the theory asks. */
export interface IdealSpec {
  /** p, odd. */
  readonly modulus: number;
  /** Of the groups, in this order, each 1..K. */
  readonly frequencies: readonly number[];
  /** In all, at least one a frequency; spread evenly, the first groups get one more. */
  readonly neurons: number;
  /** Neuron i of n in a group is at phi = phaseRange i / n. @default 2 pi, radians */
  readonly phaseRange?: number;
  /** Magnitude of theta. @default 1 */
  readonly alpha?: number;
  /** Magnitude of xi. @default 1 */
  readonly beta?: number;
}

/**
 * A network of single-frequency neurons with psi = 2 phi and evenly spread phases: theta = alpha cos(w_k j + phi),
 * xi = beta cos(w_k j + 2 phi). Over the whole circle, with the same 3 or at least 5 neurons in every frequency, its logits under x^2
 * are the voting formula's (paper, mechanism).
 *
 * @returns [M, p] each, row-major, in float64
 */
export function idealNetwork({
  modulus,
  frequencies,
  neurons,
  phaseRange = 2 * Math.PI,
  alpha = 1,
  beta = 1,
}: IdealSpec): { theta: Float64Array; xi: Float64Array } {
  const theta = new Float64Array(neurons * modulus);
  const xi = new Float64Array(neurons * modulus);
  const least = Math.floor(neurons / frequencies.length);
  const more = neurons % frequencies.length;
  let at = 0;
  for (const [g, k] of frequencies.entries()) {
    const n = least + (g < more ? 1 : 0);
    for (let i = 0; i < n; i++) {
      const phi = (phaseRange * i) / n;
      for (let j = 0; j < modulus; j++, at++) {
        // The residue, so that large products lose no digits.
        const angle = (2 * Math.PI * ((k * j) % modulus)) / modulus;
        theta[at] = alpha * Math.cos(angle + phi);
        xi[at] = beta * Math.cos(angle + 2 * phi);
      }
    }
  }
  return { theta, xi };
}
