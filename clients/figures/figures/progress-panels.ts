import type { ProgressPoint } from "@grokbox/sdk";
import type { TopLevelSpec } from "vega-lite";
import { sessionFigure, type View } from "../figure.ts";
import { FigureError } from "../figure-error.ts";
import { describe } from "../session-text.ts";
import { colours } from "../style/palette.ts";
import { type Layer, type Panel, unbounded } from "../style/panel.ts";
import { stageShades } from "../style/stage-shades.ts";
import { heading, steps } from "../style/title.ts";

type Moment = Pick<
  ProgressPoint,
  | "step"
  | "trainLoss"
  | "testLoss"
  | "trainAccuracy"
  | "testAccuracy"
  | "ipr"
  | "meanAbsSinMisalignment"
  | "parameterNorm"
>;

interface Progress {
  readonly session: string;
  /** Losses in nats; what the session can't have is absent, and what it doesn't measure at this step. */
  readonly points: readonly Moment[];
  /** Where the stages end; null where that is not known, or after what is shown. */
  readonly memorizationEnd: number | null;
  readonly generalizationEnd: number | null;
}

/** More are no finer on paper. */
const mostPoints = 1_000;

async function read({ session, steps: [last = 0], signal }: View): Promise<Progress> {
  const points: Moment[] = [];
  for await (const point of session.history({ signal })) if (point.step <= last) points.push(moment(point));
  if (points.length < 2) {
    throw new FigureError(
      `${session.name} has recorded ${points.length === 1 ? "1 step" : `${points.length} steps`}; train it to see its progress`,
      "state",
    );
  }
  const shown = (end: number | undefined) => (end === undefined || end > last ? null : end);
  return {
    session: describe(session.info),
    points: enough(points),
    memorizationEnd: shown(session.info.stages?.memorizationEnd),
    generalizationEnd: shown(session.info.stages?.generalizationEnd),
  };
}

/** As many for each curve: one that few points carry has points of its own. */
function enough(points: readonly Moment[]): Moment[] {
  const carrying = (key: "ipr" | "meanAbsSinMisalignment") =>
    points.filter((point) => point[key] !== undefined);
  const kept = new Set([points, carrying("ipr"), carrying("meanAbsSinMisalignment")].flatMap(thinned));
  return points.filter((point) => kept.has(point));
}

function thinned(points: readonly Moment[]): readonly Moment[] {
  let kept = points;
  while (kept.length > mostPoints) kept = kept.filter((_, i) => i % 2 === 0 || i === kept.length - 1);
  return kept;
}

function moment({
  step,
  trainLoss,
  testLoss,
  trainAccuracy,
  testAccuracy,
  ipr,
  meanAbsSinMisalignment,
  parameterNorm,
}: ProgressPoint): Moment {
  const present = { testLoss, testAccuracy, ipr, meanAbsSinMisalignment };
  const kept = Object.entries(present).filter(([, value]) => value !== undefined);
  return { step, trainLoss, trainAccuracy, parameterNorm, ...Object.fromEntries(kept) };
}

interface Curve {
  readonly name: string;
  readonly key: Exclude<keyof Moment, "step">;
  readonly colour: string;
}

const train = { name: "train", colour: colours.blue };
const test = { name: "test", colour: colours.vermilion };

function plot(data: Progress): TopLevelSpec {
  const { session, memorizationEnd, generalizationEnd } = data;
  const ends =
    memorizationEnd === null
      ? []
      : [
          `Memorization ends at step ${steps(memorizationEnd)}${generalizationEnd === null ? "" : `, generalization at ${steps(generalizationEnd)}`}`,
        ];
  const panel = (title: string, curves: readonly Curve[], y: object = {}) =>
    progressPanel(data, title, curves, y);
  return {
    title: heading("Progress measures", [session, ...ends]),
    vconcat: [
      {
        hconcat: [
          panel(
            "(a) mean cross-entropy, nats",
            [
              { ...train, key: "trainLoss" },
              { ...test, key: "testLoss" },
            ],
            { axis: unbounded },
          ),
          panel(
            "(b) accuracy",
            [
              { ...train, key: "trainAccuracy" },
              { ...test, key: "testAccuracy" },
            ],
            { scale: { domain: [0, 1] } },
          ),
        ],
      },
      {
        hconcat: [
          panel("(c) misalignment, mean |sin D|", [
            { name: "mean |sin D|", key: "meanAbsSinMisalignment", colour: colours.green },
          ]),
          withNorm(data),
        ],
      },
    ],
  };
}

const size = { width: 380, height: 190 };

/** Shown on the axis: without step 0, as it is logarithmic. */
function stepRange({ points }: Progress) {
  return { from: points.find(({ step }) => step > 0)?.step ?? 1, to: points.at(-1)!.step };
}

/** Steps on a logarithmic axis: memorization would be a thin line on another. */
function stepAxis(data: Progress) {
  const { from, to } = stepRange(data);
  return {
    field: "step",
    type: "quantitative" as const,
    title: "step",
    scale: { type: "log" as const, domain: [from, to], nice: false },
    axis: { format: "~s", grid: false, labelOverlap: "greedy" as const, labelSeparation: 8 },
  };
}

function rows({ points }: Progress, curves: readonly Curve[]) {
  return points
    .filter(({ step }) => step > 0)
    .flatMap((point) =>
      curves.flatMap(({ key, name }) =>
        point[key] === undefined ? [] : [{ step: point.step, name, value: point[key] }],
      ),
    );
}

function shades(data: Progress): Layer[] {
  return stageShades({ ...data, ...stepRange(data) }, stepAxis(data), size.width);
}

/** Nothing where the session has none of them. */
function lines(data: Progress, title: string, curves: readonly Curve[], y: object): Layer[] {
  const values = rows(data, curves);
  if (values.length === 0) return [];
  const there = curves.filter(({ name }) => values.some((row) => row.name === name));
  return [
    {
      data: { values },
      mark: { type: "line" },
      encoding: {
        x: stepAxis(data),
        y: { field: "value", type: "quantitative", title, ...y },
        color: {
          field: "name",
          type: "nominal",
          title: null,
          scale: { domain: there.map(({ name }) => name), range: there.map(({ colour }) => colour) },
          legend:
            there.length < 2
              ? null
              : { orient: "none", legendX: 10, legendY: 76, fillColor: "white", padding: 4, cornerRadius: 3 },
        },
      },
    },
  ];
}

function progressPanel(data: Progress, title: string, curves: readonly Curve[], y: object): Panel {
  return {
    ...size,
    resolve: { scale: { color: "independent" } },
    layer: [...shades(data), ...lines(data, title, curves, y)],
  };
}

/** IPR on the left axis, the parameter norm on the right one. */
function withNorm(data: Progress): Panel {
  const ipr: Curve = { name: "IPR", key: "ipr", colour: colours.blue };
  const norm: Curve = { name: "parameter norm", key: "parameterNorm", colour: colours.vermilion };
  const axis = (title: string, titleColor: string) => ({
    axis: { ...unbounded, title, titleColor, grid: false },
  });
  return {
    ...size,
    resolve: { scale: { y: "independent", color: "independent" } },
    layer: [
      ...shades(data),
      ...lines(data, "IPR", [ipr], {
        ...axis("(d) IPR, mean of both layers", ipr.colour),
        scale: { domain: [0, 1] },
      }),
      ...lines(data, "norm", [norm], axis("parameter norm", norm.colour)),
    ],
  };
}

export const progressPanels = sessionFigure({
  id: "14",
  title: "The three stages of grokking",
  caption:
    "First the training pairs are memorized, and with them the test pairs whose other order is trained on. Then the norm goes on growing, while pairs of which neither order was seen begin to come right. Once it falls, in cleanup, the last of them follow, and spectra become still purer.",
  preset: "grokking",
  steps: [50_000],
  from: "record",
  read,
  plot,
});
