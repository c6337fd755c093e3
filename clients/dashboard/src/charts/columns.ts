import type { ProgressPoint } from "@grokbox/sdk";
import type { Curve, Panel } from "./panels.ts";

/** Columns as uPlot takes them: the steps, then the values of each curve, null where there is none. */
export type Columns = [steps: number[], ...values: (number | null)[][]];

/**
 * @param points - in order of step
 * @param linear - a logarithmic axis hasn't step 0
 */
export function columnsOf(
  points: readonly ProgressPoint[],
  curves: readonly Curve[],
  panel: Pick<Panel, "left" | "right">,
  linear: boolean,
): Columns {
  const shown = linear || points[0]?.step !== 0 ? points : points.slice(1);
  return [
    shown.map(({ step }) => step),
    ...curves.map((curve) => {
      const isLogarithmic = (curve.isRight ? panel.right : panel.left) === "decades";
      return shown.map((point) => {
        const value = curve.value(point);
        return value === undefined || (isLogarithmic && value <= 0) ? null : value;
      });
    }),
  ];
}

/**
 * The places of values that no line leads to or from: those would not be seen.
 *
 * @param spansGaps - a line goes on over what is missing
 */
export function isolated(values: ArrayLike<number | null | undefined>, spansGaps = false): number[] {
  const isThere = (i: number) => values[i] != null;
  const places = Array.from(values, (_, i) => i).filter(isThere);
  if (spansGaps) return places.length === 1 ? places : [];
  return places.filter((i) => !isThere(i - 1) && !isThere(i + 1));
}
