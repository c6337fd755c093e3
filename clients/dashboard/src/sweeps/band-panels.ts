import type { BandPoint, Measure, SweepBands } from "@grokbox/sdk";
import { measure, percent } from "../../../cli/numbers.ts";
import type { Panel } from "../charts/panels.ts";
import type { Colours } from "../draw/colours.ts";

/** A median over runs, with the band of their middle half. */
export interface BandCurve {
  readonly measure: Measure;
  readonly name: string;
  readonly colour: keyof Colours;
  /** Lines are told apart by it as well; none for a solid one. */
  readonly dash: readonly number[];
  readonly text: (value: number) => string;
}

export interface BandPanel {
  readonly title: string;
  readonly unit: string;
  readonly left: Panel["left"];
  readonly curves: readonly BandCurve[];
}

const first = { dash: [] } as const;
const second = { dash: [7, 4] } as const;

/** The panels of a session's progress, as far as a sweep keeps them. */
export const bandPanels: readonly BandPanel[] = [
  {
    title: "Loss",
    unit: "mean cross-entropy, nats",
    left: "decades",
    curves: [
      { ...first, measure: "trainLoss", name: "train", colour: "train", text: measure },
      { ...second, measure: "testLoss", name: "test", colour: "test", text: measure },
    ],
  },
  {
    title: "Accuracy",
    unit: "share of pairs",
    left: "shares",
    curves: [
      { ...first, measure: "trainAccuracy", name: "train", colour: "train", text: percent },
      { ...second, measure: "testAccuracy", name: "test", colour: "test", text: percent },
    ],
  },
  {
    title: "Frequencies",
    unit: "inverse participation ratio and misalignment",
    left: "shares",
    curves: [
      { ...first, measure: "ipr", name: "IPR", colour: "first", text: measure },
      { ...second, measure: "meanAbsSinMisalignment", name: "mean |sin D|", colour: "second", text: measure },
    ],
  },
  {
    title: "Norm",
    unit: "of all weights",
    left: "from 0",
    curves: [{ ...first, measure: "parameterNorm", name: "weights", colour: "first", text: measure }],
  },
];

/** Those of a panel that any run has. */
export function bandCurves({ curves }: BandPanel, { measures }: SweepBands): BandCurve[] {
  return curves.filter(({ measure }) => (measures[measure]?.length ?? 0) > 0);
}

/** Columns as uPlot takes them: the steps, then of each curve median, upper and lower quartile, null where there is none. */
export type BandColumns = [steps: number[], ...values: (number | null)[][]];

/** Without step 0, which a logarithmic axis hasn't; nor has one of values those that are not above 0. */
export function bandColumns(
  { measures }: SweepBands,
  curves: readonly BandCurve[],
  left: Panel["left"],
): BandColumns {
  const all = curves.map(({ measure }) => new Map(measures[measure]!.map((point) => [point.step, point])));
  const steps = [...new Set(all.flatMap((points) => [...points.keys()]))]
    .filter((step) => step > 0)
    .sort((a, b) => a - b);
  const column = (
    points: ReadonlyMap<number, BandPoint>,
    key: "median" | "upperQuartile" | "lowerQuartile",
  ) =>
    steps.map((step) => {
      const value = points.get(step)?.[key];
      return value === undefined || !Number.isFinite(value) || (left === "decades" && value <= 0)
        ? null
        : value;
    });
  return [
    steps,
    ...all.flatMap((points) => [
      column(points, "median"),
      column(points, "upperQuartile"),
      column(points, "lowerQuartile"),
    ]),
  ];
}
