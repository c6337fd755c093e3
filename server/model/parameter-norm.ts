import type { Vector } from "./network-state.ts";

/** Frobenius norm of all weights that are trained, of both layers: sqrt(sum theta^2 + sum xi^2). Paper, figure 14(b). */
export function parameterNorm(...layers: readonly Vector[]): number {
  return Math.sqrt(layers.reduce((sum, weights) => sum + squares(weights), 0));
}

function squares(weights: Vector): number {
  let sum = 0;
  for (let i = 0; i < weights.length; i++) sum += weights[i] * weights[i];
  return sum;
}
