/** Values of which some may not exist; an aggregate over none doesn't exist either. */
export type PresentOrNot = Iterable<number | undefined>;

/** Mean of the values that exist. */
export function meanOfPresent(values: PresentOrNot): number | undefined {
  let sum = 0;
  let count = 0;
  for (const value of values) {
    if (value === undefined) continue;
    sum += value;
    count++;
  }
  return count === 0 ? undefined : sum / count;
}

/** Median of the values that exist; of an even number, the mean of the two in the middle. */
export function medianOfPresent(values: PresentOrNot): number | undefined {
  const sorted = Float64Array.from([...values].filter((value) => value !== undefined)).sort();
  if (sorted.length === 0) return undefined;
  const middle = sorted.length >> 1;
  return sorted.length % 2 === 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
}
