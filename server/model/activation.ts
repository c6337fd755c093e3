import { erf, erfc } from "./erf.ts";
import { type Activation, activations } from "./spec.ts";

const aliases: ReadonlyMap<string, Activation> = new Map([
  ["quadratic", "x^2"],
  ["x", "identity"],
]);

interface RealFunction {
  readonly value: (z: number) => number;
  readonly derivative: (z: number) => number;
}

const functions: Readonly<Record<Activation, RealFunction>> = {
  relu: { value: (z) => (z > 0 ? z : 0), derivative: (z) => (z > 0 ? 1 : 0) },
  gelu: {
    value: (z) => z * normalDistribution(z),
    derivative: (z) => normalDistribution(z) + z * normalDensity(z),
  },
  "x^2": { value: (z) => z * z, derivative: (z) => 2 * z },
  identity: { value: (z) => z, derivative: () => 1 },
  abs: { value: Math.abs, derivative: Math.sign },
  "x^3": { value: (z) => z * z * z, derivative: (z) => 3 * z * z },
  "x^4": { value: (z) => square(z * z), derivative: (z) => 4 * z * z * z },
  "x^8": { value: (z) => square(square(z * z)), derivative: (z) => 8 * square(z * z) * z * z * z },
  softplus2: {
    value: (z) => Math.max(2 * z, 0) + Math.log1p(Math.exp(-2 * Math.abs(z))),
    derivative: (z) => 2 / (1 + Math.exp(-2 * z)),
  },
  exp: { value: Math.exp, derivative: Math.exp },
};

/** The activation of a name or alias (`quadratic`, `x`), case-sensitive; undefined for any other string. */
export function parseActivation(name: string): Activation | undefined {
  return activations.find((activation) => activation === name) ?? aliases.get(name);
}

/** sigma(z) in float64. `gelu` is z Phi(z), the exact one; `softplus2` is log(1 + e^{2z}). */
export function activate(name: Activation, z: number): number {
  return functions[name].value(z);
}

/** sigma'(z) in float64. At the kink of `relu` and `abs` it is 0, as in PyTorch. */
export function derivative(name: Activation, z: number): number {
  return functions[name].derivative(z);
}

function square(z: number): number {
  return z * z;
}

/** Phi(z), through erfc where 1 + erf would lose digits. */
function normalDistribution(z: number): number {
  const scaled = z * Math.SQRT1_2;
  return z < 0 ? 0.5 * erfc(-scaled) : 0.5 * (1 + erf(scaled));
}

function normalDensity(z: number): number {
  return Math.exp(-0.5 * z * z) / Math.sqrt(2 * Math.PI);
}
