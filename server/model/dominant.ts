import { dominantFrequencies, layerOf, type Spectrum, spectrum } from "./fourier.ts";
import { frequencyCount } from "./fourier-basis.ts";

/** Both layers in float64, [M, p] row-major. */
export interface Layers {
  readonly theta: Float64Array;
  readonly xi: Float64Array;
}

type Weights = Float32Array | Float64Array;

/**
 * Both layers with each neuron's row replaced by its component at theta's k*, mean gone too: the weights of the
 * dominant-only loss, which plays the part of a transformer's restricted loss. A neuron whose theta is constant has no k*
 * and keeps nothing.
 */
export function projectOnDominant(theta: Weights, xi: Weights, modulus: number): Layers {
  const thetaSpectrum = spectrum(theta, modulus);
  const dominant = dominantFrequencies(thetaSpectrum);
  return {
    theta: layerOf(keepDominant(thetaSpectrum, dominant)),
    xi: layerOf(keepDominant(spectrum(xi, modulus), dominant)),
  };
}

/**
 * Both layers with each neuron's component at theta's k* taken out and everything else kept, mean included: the weights
 * of the dominant-removed loss, which plays the part of a transformer's excluded loss. A neuron without a k* keeps everything.
 */
export function removeDominant(theta: Weights, xi: Weights, modulus: number): Layers {
  const kept = projectOnDominant(theta, xi, modulus);
  return {
    theta: kept.theta.map((value, i) => theta[i] - value),
    xi: kept.xi.map((value, i) => xi[i] - value),
  };
}

function keepDominant(full: Spectrum, dominant: Uint8Array): Spectrum {
  const count = frequencyCount(full.modulus);
  const masked = (values: Float64Array) =>
    values.map((value, i) => (i % count === dominant[Math.floor(i / count)] - 1 ? value : 0));
  return {
    ...full,
    mean: new Float64Array(full.width),
    cosine: masked(full.cosine),
    sine: masked(full.sine),
    magnitude: masked(full.magnitude),
    phase: masked(full.phase),
  };
}
