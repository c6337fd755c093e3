/** One measure at one step over runs that differ only in their seed. */
export interface BandPoint {
  readonly step: number;
  /** Runs that got there and have the measure; 1 or more. */
  readonly runs: number;
  readonly median: number;
  readonly lowerQuartile: number;
  readonly upperQuartile: number;
}

/** A value at every step of a common grid, as far as the run came; NaN where it has none. */
export type Curve = ArrayLike<number>;

/**
 * Median and quartiles over runs, step by step: half of the runs lie between the quartiles, whatever their distribution (losses of runs
 * that have grokked and of those that have not are far from normal). A run counts up to the step at which it stopped; a step that no run
 * has a value for is left out.
 *
 * @param steps - the grid
 * @param curves - one a run, each at most as long as the grid
 */
export function bands(steps: readonly number[], curves: readonly Curve[]): BandPoint[] {
  const found: BandPoint[] = [];
  for (const [i, step] of steps.entries()) {
    const values: number[] = [];
    for (const curve of curves) if (i < curve.length && !Number.isNaN(curve[i])) values.push(curve[i]!);
    if (values.length === 0) continue;
    const sorted = Float64Array.from(values).sort();
    found.push({
      step,
      runs: sorted.length,
      median: quantile(sorted, 0.5),
      lowerQuartile: quantile(sorted, 0.25),
      upperQuartile: quantile(sorted, 0.75),
    });
  }
  return found;
}

/**
 * By linear interpolation between order statistics, as NumPy and R do it by default (type 7 of Hyndman and Fan, 1996).
 *
 * @param sorted - increasing, not empty
 * @param share - 0 to 1
 */
export function quantile(sorted: ArrayLike<number>, share: number): number {
  const at = (sorted.length - 1) * share;
  const low = Math.floor(at);
  const high = Math.min(low + 1, sorted.length - 1);
  const below = sorted[low]!;
  const above = sorted[high]!;
  // Of losses that are infinite there is no between.
  return at === low || below === above ? below : below + (at - low) * (above - below);
}

/** All bands of one group of runs: `columns` measures, each run's values [grid step, measure] row-major. */
export function bandsOfRuns(
  steps: readonly number[],
  columns: number,
  runs: readonly Float64Array[],
): BandPoint[][] {
  return Array.from({ length: columns }, (_, column) =>
    bands(
      steps,
      runs.map((values) =>
        Float64Array.from({ length: values.length / columns }, (_, i) => values[i * columns + column]!),
      ),
    ),
  );
}
