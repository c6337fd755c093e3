import type { PairGrids } from "@grokbox/sdk";
import type { TopLevelSpec } from "vega-lite";
import { sessionFigure, type View } from "../figure.ts";
import { describe } from "../session-text.ts";
import { colours } from "../style/palette.ts";
import type { Panel } from "../style/panel.ts";
import { heading, steps } from "../style/title.ts";

const classes = ["common", "rare", "partner", "held out"] as const;

/** What is right at one step. */
interface GridAtStep {
  readonly step: number;
  /** Accuracy over the pairs of a class, 0 to 1; null for an empty class. */
  readonly accuracy: Readonly<Record<(typeof classes)[number], number | null>>;
  /** [x][y]: 1 where the answer is right, else 0. */
  readonly correct: readonly (readonly number[])[];
}

interface AccuracyGrids {
  readonly session: string;
  readonly modulus: number;
  /** [x][y]: index of the pair's class, as `classes` names them. */
  readonly pairClass: readonly (readonly number[])[];
  readonly classes: readonly string[];
  readonly states: readonly GridAtStep[];
}

async function read({ session, steps: shown, at }: View): Promise<AccuracyGrids> {
  const { modulus } = session.info.spec;
  const states = await Promise.all(
    shown.map(async (step) => {
      const { scores, grids } = await session.evaluate({ ...at(step), grids: true });
      const { common = null, rare = null, partner = null, heldOut = null } = scores.accuracy;
      return { step, grids: grids!, accuracy: { common, rare, partner, "held out": heldOut } };
    }),
  );
  const [first] = states;
  return {
    session: describe(session.info),
    modulus,
    pairClass: first === undefined ? [] : rowsOf(first.grids.pairClass),
    classes,
    states: states.map(({ step, accuracy, grids }) => ({ step, accuracy, correct: rowsOf(grids.correct) })),
  };
}

function rowsOf({ data, shape }: PairGrids["correct"]): number[][] {
  const [rows = 0, columns = 0] = shape;
  return Array.from({ length: rows }, (_, x) => [...data.subarray(x * columns, (x + 1) * columns)]);
}

interface Cell {
  readonly x: number;
  readonly y: number;
  readonly pairClass: string;
}

function cells({ modulus, pairClass }: AccuracyGrids): Cell[] {
  return Array.from({ length: modulus * modulus }, (_, i) => {
    const [x, y] = [Math.floor(i / modulus), i % modulus];
    return { x, y, pairClass: classes[pairClass[x]![y]!]! };
  });
}

const axis = { labelAngle: 0, ticks: false } as const;

function positions() {
  return {
    x: { field: "x", type: "ordinal" as const, title: "x", axis },
    y: { field: "y", type: "ordinal" as const, title: "y", axis },
  };
}

function side(modulus: number, across: number): number {
  return Math.round(
    modulus * Math.max(3, Math.min(across === 1 ? 20 : 12, (across === 1 ? 460 : 300) / modulus)),
  );
}

/** Right and wrong; training pairs paler; held-out cells outlined. */
function accuracyPanel(
  data: AccuracyGrids,
  { step, correct, accuracy }: GridAtStep,
  across: number,
  withLegend: boolean,
): Panel {
  const legend = withLegend ? {} : { legend: null };
  const values = cells(data).map((cell) => ({
    ...cell,
    answer: correct[cell.x]![cell.y] === 1 ? "right" : "wrong",
    trained: cell.pairClass === "common" || cell.pairClass === "rare",
  }));
  const size = side(data.modulus, across);
  const said = classes.flatMap((name) =>
    accuracy[name] === null ? [] : [`${name} ${percent(accuracy[name])}`],
  );
  return {
    title: { text: `step ${steps(step)}: ${said.join(", ")}`, fontSize: 11, fontWeight: "normal" },
    width: size,
    height: size,
    layer: [
      {
        data: { values },
        mark: { type: "rect", stroke: "white", strokeWidth: 0.5 },
        encoding: {
          ...positions(),
          color: {
            field: "answer",
            type: "nominal",
            title: "answer",
            scale: { domain: ["right", "wrong"], range: [colours.sky, colours.vermilion] },
            ...legend,
          },
          opacity: {
            field: "trained",
            type: "ordinal",
            title: "pair is",
            scale: { domain: [true, false], range: [0.45, 1] },
            legend: { labelExpr: "datum.value ? 'trained on' : 'for testing'" },
            ...legend,
          },
        },
      },
      {
        data: { values: values.filter(({ pairClass }) => pairClass === "held out") },
        mark: { type: "rect", filled: false, stroke: colours.black, strokeWidth: 1.6 },
        encoding: positions(),
      },
    ],
  };
}

function classesPanel(data: AccuracyGrids, across: number): Panel {
  const size = side(data.modulus, across);
  return {
    title: { text: "classes of pairs", fontSize: 11, fontWeight: "normal" },
    width: size,
    height: size,
    data: { values: cells(data) },
    mark: { type: "rect", stroke: "white", strokeWidth: 0.5 },
    encoding: {
      ...positions(),
      color: {
        field: "pairClass",
        type: "nominal",
        title: "class",
        scale: { domain: [...classes], range: [colours.blue, colours.orange, colours.green, colours.black] },
      },
    },
  };
}

const percent = (share: number | null) =>
  `${(100 * (share ?? 0)).toFixed(share === 0 || share === 1 ? 0 : 1)}%`;

export const accuracyGrid = sessionFigure({
  id: "15",
  title: "What is right at the end of memorization",
  caption:
    "Everything that was trained on is right, and so is every test pair whose other order was trained on: the network is symmetric in x and y. The outlined held-out pairs, of which it saw neither order, are all wrong.",
  preset: "grokking",
  steps: [2_200],
  read,
  plot: (data: AccuracyGrids): TopLevelSpec => ({
    title: heading("Right and wrong, pair by pair", [data.session, "Outlined: held out in both orders"]),
    resolve: { scale: { color: "independent", opacity: "independent" } },
    hconcat: data.states.map((state, i) => accuracyPanel(data, state, data.states.length, i === 0)),
  }),
});

export const commonToRare = sessionFigure({
  id: "16",
  title: "Common pairs are learned before rare ones",
  caption:
    "Pairs that are trained on in both orders come first. Those of which only one order is trained on follow, and with them their untrained partners, in the same answers.",
  preset: "grokking",
  steps: [0, 1_000, 2_200],
  read,
  plot: (data: AccuracyGrids): TopLevelSpec => ({
    title: heading("From common to rare", [data.session, "Outlined: held out in both orders"]),
    columns: 2,
    resolve: { scale: { color: "independent", opacity: "independent" } },
    concat: [classesPanel(data, 3), ...data.states.map((state, i) => accuracyPanel(data, state, 3, i === 0))],
  }),
});
