/** Largest distance of two float32 arrays in units in the last place. */
export function maxUlps(actual: Float32Array, expected: Float32Array): number {
  if (actual.length !== expected.length) return Number.POSITIVE_INFINITY;
  const [left, right] = [ordered(actual), ordered(expected)];
  return left.reduce((max, value, i) => Math.max(max, Math.abs(value - right[i])), 0);
}

/** Float32 values as integers in the same order, neighbours one apart. */
function ordered(values: Float32Array): Float64Array {
  const bits = new Int32Array(Float32Array.from(values).buffer);
  return Float64Array.from(bits, (bit) => (bit < 0 ? -(bit & 0x7fffffff) : bit));
}
