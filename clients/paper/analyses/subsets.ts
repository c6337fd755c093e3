/** All subsets of 1..n with `size` members, each increasing, in lexicographic order. */
export function subsets(n: number, size: number, from = 1): number[][] {
  if (size === 0) return [[]];
  const firsts = Array.from({ length: Math.max(0, n - size - from + 2) }, (_, i) => from + i);
  return firsts.flatMap((first) => subsets(n, size - 1, first + 1).map((rest) => [first, ...rest]));
}
