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

/**
 * A point, or the last one before it that carries a measure which it doesn't; undefined when there is none.
 *
 * @param points - in order of step
 */
export function carrierAt(
  points: readonly ProgressPoint[],
  point: ProgressPoint,
  value: (point: ProgressPoint) => number | undefined,
): ProgressPoint | undefined {
  if (value(point) !== undefined) return point;
  return points.slice(0, indexAt(points, point.step) + 1).findLast((each) => value(each) !== undefined);
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
