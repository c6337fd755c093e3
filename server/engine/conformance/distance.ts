type Vector = Float32Array | Float64Array;

/** ||actual - expected|| / ||expected||, Frobenius norms over several arrays together; 0 when both are all zero. */
export function relativeDistance(actual: readonly Vector[], expected: readonly Vector[]): number {
  let difference = 0;
  let size = 0;
  for (const [k, array] of expected.entries()) {
    for (let i = 0; i < array.length; i++) {
      difference += (actual[k][i] - array[i]) ** 2;
      size += array[i] ** 2;
    }
  }
  return difference === 0 ? 0 : Math.sqrt(difference / size);
}

/** a - b, in float64. */
export function difference(a: Vector, b: Vector): Float64Array {
  return Float64Array.from(a, (value, i) => value - b[i]);
}

export function frobenius(...arrays: readonly Vector[]): number {
  let sum = 0;
  for (const array of arrays) for (const value of array) sum += value * value;
  return Math.sqrt(sum);
}
