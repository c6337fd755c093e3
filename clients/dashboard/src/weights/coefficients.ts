import type { LayerSpectrum, Spectrum } from "@grokbox/sdk";
import { coefficients } from "../../../figures/spectrum.ts";
import { neuronOrder } from "./neuron-order.ts";

/** The Fourier coefficients of a layer as a heatmap shows them. */
export interface CoefficientMap {
  /** Coefficients a row, p: of the constant, then of cos and sin of each frequency. */
  readonly columns: number;
  /** Row-major, in the order shown. */
  readonly values: Float32Array;
  /** Largest |coefficient|. */
  readonly largest: number;
  /** Which neuron each row shown is of, 0 to M - 1. */
  readonly neurons: readonly number[];
  /** Dominant frequency of each; 0 for none. */
  readonly frequencies: readonly number[];
}

/** Orthonormal coefficients, neurons sorted by theta's dominant frequency: both layers in the same order. */
export function coefficientMap(spectrum: Spectrum, layer: "theta" | "xi"): CoefficientMap {
  const order = [...neuronOrder(spectrum.dominantFrequency.data, spectrum.theta.cosineFit.data)];
  const of: LayerSpectrum = spectrum[layer];
  const columns = 2 * (of.magnitude.shape[1] ?? 0) + 1;
  const values = new Float32Array(order.length * columns);
  for (const [i, row] of order.entries()) values.set(coefficients(of, row), i * columns);
  return {
    columns,
    values,
    largest: values.reduce((largest, value) => Math.max(largest, Math.abs(value)), 0),
    neurons: order.map((row) => spectrum.neurons[row]!),
    frequencies: order.map((row) => spectrum.dominantFrequency.data[row]!),
  };
}

/** Such as `cos 3`. */
export function columnName(column: number): string {
  if (column === 0) return "mean";
  return `${column % 2 === 1 ? "cos" : "sin"} ${Math.ceil(column / 2)}`;
}
