import type { ProgressPoint } from "@grokbox/sdk";

/** The index of the last point at or before a step; -1 when all are later. Points are in order of step. */
export function indexAt(points: readonly Pick<ProgressPoint, "step">[], step: number): number {
  let [low, high] = [0, points.length];
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (points[middle]!.step <= step) low = middle + 1;
    else high = middle;
  }
  return low - 1;
}

/** The last step of an increasing list at or before another; undefined when all are later. */
export function stepAt(steps: readonly number[], step: number): number | undefined {
  return steps[
    indexAt(
      steps.map((each) => ({ step: each })),
      step,
    )
  ];
}
