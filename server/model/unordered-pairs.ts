/** Number of unordered pairs x <= y: p (p + 1) / 2. */
export function unorderedPairCount(modulus: number): number {
  return (modulus * (modulus + 1)) / 2;
}

/** Row of the pair {x, y}, in either order, in the lexicographic order of the pairs x <= y. */
export function unorderedPairIndex(x: number, y: number, modulus: number): number {
  const low = Math.min(x, y);
  return low * modulus - (low * (low - 1)) / 2 + Math.max(x, y) - low;
}
