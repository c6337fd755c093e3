import type { Activation } from "./spec.ts";

/**
 * f(x, y)[j] = sum_m xi_m[j] sigma(theta_m[x] + theta_m[y]), with theta and xi [M, p] row-major. Rows (x, y) and (y, x)
 * are equal.
 */
export interface Network {
  readonly modulus: number;
  readonly width: number;
  readonly activation: Activation;
  readonly theta: Float32Array | Float64Array;
  readonly xi: Float32Array | Float64Array;
}
