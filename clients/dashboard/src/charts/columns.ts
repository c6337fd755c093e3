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
