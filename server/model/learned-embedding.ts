import type { Factors, Vector } from "./network-state.ts";

/** theta = W_in W_E, [M, p], summed in float64. */
export function productOf({ projection, embedding }: Factors<Vector>, modulus: number): Float64Array {
  const dimension = embedding.length / modulus;
  const width = projection.length / dimension;
  const theta = new Float64Array(width * modulus);
  for (let m = 0; m < width; m++) {
    for (let e = 0; e < dimension; e++) {
      const factor = projection[m * dimension + e];
      for (let j = 0; j < modulus; j++) theta[m * modulus + j] += factor * embedding[e * modulus + j];
    }
  }
  return theta;
}

/**
 * Gradients of the factors from that of their product, by the chain rule: d W_in = d theta W_E^T, [M, d], and
 * d W_E = W_in^T d theta, [d, p]. Summed in float64.
 */
export function factorGradients(
  { projection, embedding }: Factors<Vector>,
  thetaGradient: Vector,
  modulus: number,
): Factors<Float64Array> {
  const dimension = embedding.length / modulus;
  const width = projection.length / dimension;
  const gradients = {
    projection: new Float64Array(projection.length),
    embedding: new Float64Array(embedding.length),
  };
  for (let m = 0; m < width; m++) {
    for (let e = 0; e < dimension; e++) {
      const factor = projection[m * dimension + e];
      let sum = 0;
      for (let j = 0; j < modulus; j++) {
        const slope = thetaGradient[m * modulus + j];
        sum += slope * embedding[e * modulus + j];
        gradients.embedding[e * modulus + j] += factor * slope;
      }
      gradients.projection[m * dimension + e] = sum;
    }
  }
  return gradients;
}

/**
 * How far theta is from the product of its factors: ||theta - W_in W_E|| / ||W_in W_E||, 0 when both are 0. Rounded to float32 as it is
 * in a state, a product is some 1e-7 off.
 */
export function productError(theta: Vector, factors: Factors<Vector>, modulus: number): number {
  const product = productOf(factors, modulus);
  let difference = 0;
  let size = 0;
  for (let i = 0; i < product.length; i++) {
    difference += (theta[i] - product[i]) ** 2;
    size += product[i] ** 2;
  }
  return difference === 0 ? 0 : Math.sqrt(difference / size);
}
