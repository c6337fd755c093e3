import type { Measure, SweepBands } from "@grokbox/sdk";
import type { TopLevelSpec } from "vega-lite";
import { FigureError } from "../figure-error.ts";
import { colours } from "../style/palette.ts";
import { type Layer, type Panel, unbounded } from "../style/panel.ts";
import { heading } from "../style/title.ts";
import { describeSweep, groupLabel } from "./labels.ts";
import { sweepFigure } from "./sweep-figure.ts";

/** More can't be told apart. */
const palette = [
  colours.blue,
  colours.vermilion,
  colours.green,
  colours.purple,
  colours.orange,
  colours.sky,
  colours.black,
  colours.grey,
];

interface Row {
  readonly group: string;
  readonly measure: string;
  readonly step: number;
  readonly runs: number;
  readonly median: number;
  readonly lowerQuartile: number;
  readonly upperQuartile: number;
}

interface Bands {
  readonly sweep: string;
  /** Of the groups that are shown, in their order. */
  readonly groups: readonly string[];
  /** Groups that are not. */
  readonly left: number;
  /** Losses in nats; what no run has is absent. */
  readonly rows: readonly Row[];
}

const size = { width: 380, height: 190 };

const names: Partial<Record<Measure, string>> = {
  trainLoss: "train",
  testLoss: "test",
  trainAccuracy: "train",
  testAccuracy: "test",
};

/** The band and the median of some measures, one colour a group; the first measure is drawn solid, a second one dashed. */
function layers({ rows, groups }: Bands, measures: readonly Measure[], y: object): Layer[] {
  const shown = rows.filter(({ measure }) => measures.includes(measure as Measure));
  // On a logarithmic axis there is no step 0.
  const values = shown
    .filter(({ step }) => step > 0)
    .map((row) => ({
      ...row,
      of: names[row.measure as Measure] ?? row.measure,
    }));
  if (values.length === 0) return [];
  const x = {
    field: "step",
    type: "quantitative" as const,
    title: "step",
    scale: { type: "log" as const, nice: false },
    axis: { format: "~s", grid: false, labelOverlap: "greedy" as const, labelSeparation: 8 },
  };
  const color = {
    field: "group",
    type: "nominal" as const,
    title: null,
    scale: { domain: [...groups], range: palette.slice(0, groups.length) },
    legend: groups.length < 2 ? null : { orient: "bottom" as const, columns: 2, symbolOpacity: 1 },
  };
  const kinds = measures.map((measure) => names[measure] ?? measure);
  const detail = { field: "of", type: "nominal" as const };
  const dash = {
    ...detail,
    title: null,
    scale: {
      domain: kinds,
      range: [
        [1, 0],
        [4, 3],
      ],
    },
    legend: { orient: "bottom" as const },
  };
  return [
    {
      data: { values },
      mark: { type: "area", opacity: 0.18 },
      encoding: {
        x,
        y: { field: "lowerQuartile", type: "quantitative", ...y },
        y2: { field: "upperQuartile" },
        color,
        detail,
      },
    },
    {
      data: { values },
      mark: { type: "line" },
      encoding: {
        x,
        y: { field: "median", type: "quantitative", ...y },
        color,
        ...(kinds.length < 2 ? {} : { strokeDash: dash }),
      },
    },
  ];
}

function panel(data: Bands, title: string, measures: readonly Measure[], y: object = {}): Panel {
  return {
    ...size,
    layer: layers(data, measures, { title, ...y }),
  };
}

const only = (data: Bands, ...measures: readonly Measure[]): Measure[] =>
  measures.filter((measure) => data.rows.some((row) => row.measure === measure));

/** The four progress panels (paper, figure 14) over seeds, for some groups side by side; the norm, there on an axis of (d), is (e). */
export const progressBands = sweepFigure<Bands>({
  id: "bands",
  title: "Progress over seeds",
  caption:
    "Lines are medians over seeds, bands span the middle half of the runs at each step. A run that stopped early counts up to its end.",
  read: async ({ sweep, groups, signal }) => {
    const { info } = sweep;
    const unknown = groups?.find((group) => !(group >= 0 && group < info.groups));
    if (unknown !== undefined)
      throw new FigureError(`groups of ${sweep.name} are 0 to ${info.groups - 1}; got ${unknown}`, "invalid");
    const shown: SweepBands[] = [];
    for await (const band of sweep.bands({ signal })) {
      const isAsked = groups === undefined ? shown.length < palette.length : groups.includes(band.group);
      if (isAsked && band.runs > 0) shown.push(band);
    }
    if (shown.length === 0) {
      const which = groups === undefined ? "" : ` of groups ${groups.join(", ")}`;
      throw new FigureError(`no run${which} of ${sweep.name} has finished`, "state");
    }
    if (shown.length > palette.length)
      throw new FigureError(
        `at most ${palette.length} groups can be told apart; got ${shown.length}`,
        "invalid",
      );
    const label = ({ group, coordinates }: SweepBands) => groupLabel(group, coordinates);
    return {
      sweep: describeSweep(info),
      groups: shown.map(label),
      left: info.groups - shown.length,
      rows: shown.flatMap((band) =>
        Object.entries(band.measures).flatMap(([measure, points]) =>
          points.map((point): Row => ({ group: label(band), measure, ...point })),
        ),
      ),
    };
  },
  plot: (data): TopLevelSpec => ({
    title: heading("Progress over seeds: medians and quartiles", [
      data.sweep,
      ...(data.left > 0
        ? [`Shown are ${data.groups.length} of ${data.groups.length + data.left} settings`]
        : []),
    ]),
    vconcat: [
      {
        hconcat: [
          panel(data, "(a) mean cross-entropy, nats", only(data, "testLoss", "trainLoss"), {
            axis: unbounded,
          }),
          panel(data, "(b) accuracy", only(data, "testAccuracy", "trainAccuracy"), {
            scale: { domain: [0, 1] },
          }),
        ],
      },
      {
        hconcat: [
          panel(data, "(c) misalignment, mean |sin D|", only(data, "meanAbsSinMisalignment")),
          panel(data, "(d) IPR, mean of both layers", only(data, "ipr"), { scale: { domain: [0, 1] } }),
        ],
      },
      panel(data, "(e) parameter norm", only(data, "parameterNorm"), { axis: unbounded }),
    ],
  }),
});
