/** Frobenius norm of all weights of both layers: sqrt(sum theta^2 + sum xi^2). Paper, figure 14(b). */
export function parameterNorm(theta: Float32Array | Float64Array, xi: Float32Array | Float64Array): number {
  return Math.sqrt(squares(theta) + squares(xi));
}

function squares(weights: Float32Array | Float64Array): number {
  let sum = 0;
  for (let i = 0; i < weights.length; i++) sum += weights[i] * weights[i];
  return sum;
}
