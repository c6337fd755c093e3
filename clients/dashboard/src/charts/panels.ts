import type { ProgressPoint } from "@grokbox/sdk";
import { measure, percent } from "../../../cli/numbers.ts";
import type { Colours } from "../draw/colours.ts";

/** A line in a panel. */
export interface Curve {
  readonly name: string;
  readonly colour: keyof Colours;
  /** Lines are told apart by it as well; none for a solid one. */
  readonly dash: readonly number[];
  readonly width: number;
  /** On the axis at the right. */
  readonly isRight?: boolean;
  value(point: ProgressPoint): number | undefined;
  text(value: number | undefined): string;
  /** Shown only when classes of pairs are asked for. */
  readonly isClass?: boolean;
  /** Not every point carries it: the line goes on over those that don't. */
  readonly isScheduled?: boolean;
}

/** One of figure 14's panels. */
export interface Panel {
  readonly id: string;
  readonly title: string;
  /** Of what, in which unit. */
  readonly unit: string;
  /** How the values go on: by their decades, as shares from 0 to 1, or from 0. */
  readonly left: "decades" | "shares" | "from 0";
  readonly right?: "decades";
  readonly curves: readonly Curve[];
}

const nats = (value: number | undefined) => `${measure(value)}${value === undefined ? "" : " nats"}`;
const train = { name: "train", colour: "train", dash: [], width: 2 } as const;
const test = { name: "test", colour: "test", dash: [7, 4], width: 2 } as const;

export const panels: readonly Panel[] = [
  {
    id: "loss",
    title: "Loss",
    unit: "mean cross-entropy, nats",
    left: "decades",
    curves: [
      { ...train, value: ({ trainLoss }) => trainLoss, text: nats },
      { ...test, value: ({ testLoss }) => testLoss, text: nats },
    ],
  },
  {
    id: "accuracy",
    title: "Accuracy",
    unit: "share of pairs",
    left: "shares",
    curves: [
      { ...train, value: ({ trainAccuracy }) => trainAccuracy, text: percent },
      { ...test, value: ({ testAccuracy }) => testAccuracy, text: percent },
      {
        name: "common",
        colour: "common",
        dash: [12, 3],
        width: 1.25,
        value: ({ accuracy }) => accuracy.common,
        text: percent,
        isClass: true,
      },
      {
        name: "rare",
        colour: "rare",
        dash: [2, 3],
        width: 1.75,
        value: ({ accuracy }) => accuracy.rare,
        text: percent,
        isClass: true,
      },
      {
        name: "partner",
        colour: "partner",
        dash: [6, 3, 2, 3],
        width: 1.75,
        value: ({ accuracy }) => accuracy.partner,
        text: percent,
        isClass: true,
      },
      {
        name: "held out",
        colour: "held-out",
        dash: [],
        width: 1.5,
        value: ({ accuracy }) => accuracy.heldOut,
        text: percent,
        isClass: true,
      },
    ],
  },
  {
    id: "frequencies",
    title: "Frequencies",
    unit: "inverse participation ratio and misalignment",
    left: "shares",
    curves: [
      {
        name: "IPR",
        colour: "first",
        dash: [],
        width: 2,
        value: ({ ipr }) => ipr,
        text: measure,
        isScheduled: true,
      },
      {
        name: "mean |sin D|",
        colour: "second",
        dash: [7, 4],
        width: 2,
        value: ({ meanAbsSinMisalignment }) => meanAbsSinMisalignment,
        text: measure,
        isScheduled: true,
      },
    ],
  },
  {
    id: "norms",
    title: "Norms",
    unit: "of all weights (left) and of the gradient (right)",
    left: "from 0",
    right: "decades",
    curves: [
      {
        name: "weights",
        colour: "first",
        dash: [],
        width: 2,
        value: ({ parameterNorm }) => parameterNorm,
        text: measure,
      },
      {
        name: "gradient",
        colour: "second",
        dash: [7, 4],
        width: 2,
        isRight: true,
        value: ({ gradientNorm }) => gradientNorm,
        text: measure,
      },
    ],
  },
];

/** The curves that are shown: of those of a session without a test set, the ones that it has. */
export function shownCurves(
  { curves }: Panel,
  newest: ProgressPoint | undefined,
  withClasses: boolean,
): Curve[] {
  return curves.filter(
    (curve) =>
      (withClasses || !curve.isClass) &&
      (newest === undefined || curve.isScheduled || curve.value(newest) !== undefined),
  );
}
