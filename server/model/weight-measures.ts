import { cosineFits } from "./cosine-fit.ts";
import { dominantFrequencies, spectrum } from "./fourier.ts";
import { meanOfPresent } from "./present-values.ts";
import { type TheoryResiduals, theoryResiduals } from "./theory-residuals.ts";

/** Measures of weights by their spectra. One that no neuron has is absent. */
export interface WeightMeasures extends TheoryResiduals {
  /** Mean over neurons of the R^2 of theta's row and its component at k*, in [0, 1]. */
  readonly thetaCosineFit?: number;
  /** The same of xi, at theta's k*. */
  readonly xiCosineFit?: number;
}

interface Weights {
  readonly theta: Float32Array | Float64Array;
  readonly xi: Float32Array | Float64Array;
}

/**
 * @param now - [M, p] row-major each
 * @param base - where the flow began that the weights are held against; without it there are no residuals
 * @param time - of the flow since then; see `theoryResiduals`
 */
export function weightMeasures(now: Weights, modulus: number, base?: Weights, time?: number): WeightMeasures {
  const spectra = (weights: Weights) => ({
    theta: spectrum(weights.theta, modulus),
    xi: spectrum(weights.xi, modulus),
  });
  const { theta, xi } = spectra(now);
  const dominant = dominantFrequencies(theta);
  const thetaCosineFit = meanOfPresent(cosineFits(theta, dominant));
  const xiCosineFit = meanOfPresent(cosineFits(xi, dominant));
  return {
    ...(thetaCosineFit === undefined ? {} : { thetaCosineFit }),
    ...(xiCosineFit === undefined ? {} : { xiCosineFit }),
    ...(base === undefined ? {} : theoryResiduals(spectra(base), { theta, xi }, dominant, time)),
  };
}
