import type { SweepRun } from "@grokbox/sdk";
import type { TopLevelSpec } from "vega-lite";
import { FigureError } from "../figure-error.ts";
import { colours } from "../style/palette.ts";
import type { Panel } from "../style/panel.ts";
import { heading } from "../style/title.ts";
import { describeSweep } from "./labels.ts";
import { type StageKind, type StagePanel, stageKinds, stagePanels } from "./stage-spreads.ts";
import { sweepFigure } from "./sweep-figure.ts";

const colourOf: Readonly<Record<StageKind, string>> = {
  "memorization ends": colours.orange,
  "generalization ends": colours.blue,
  grokked: colours.green,
};

const kinds = stageKinds.map(({ kind }) => kind);

interface StageTimes {
  readonly sweep: string;
  readonly panels: readonly StagePanel[];
}

function panel({ parameter, values, times, spreads }: StagePanel): Panel {
  const x = {
    field: "value",
    type: "nominal" as const,
    title: parameter === "" ? null : parameter,
    scale: { domain: [...values] },
    axis: { labelAngle: 0, grid: false },
  };
  const y = {
    type: "quantitative" as const,
    title: "step",
    scale: { type: "log" as const, nice: true },
    axis: { format: "~s" },
  };
  const offset = {
    field: "kind",
    type: "nominal" as const,
    scale: { domain: kinds },
  };
  const color = {
    field: "kind",
    type: "nominal" as const,
    title: null,
    scale: { domain: kinds, range: kinds.map((kind) => colourOf[kind]) },
    legend: { symbolOpacity: 1 },
  };
  return {
    width: Math.max(220, Math.min(900, 80 * values.length)),
    height: 260,
    layer: [
      {
        data: { values: [...spreads] },
        mark: { type: "bar", width: 12, opacity: 0.3 },
        encoding: {
          x,
          xOffset: offset,
          y: { ...y, field: "lowerQuartile", stack: null },
          y2: { field: "upperQuartile" },
          color,
        },
      },
      {
        data: { values: [...times] },
        mark: { type: "circle", size: 18, opacity: 0.55 },
        encoding: { x, xOffset: offset, y: { ...y, field: "step" }, color },
      },
      {
        data: { values: [...spreads] },
        mark: { type: "tick", thickness: 2, size: 16, color: colours.black },
        encoding: { x, xOffset: offset, y: { ...y, field: "median" } },
      },
    ],
  };
}

/** How the times at which runs pass from stage to stage are spread, against each swept parameter. */
export const stageTimes = sweepFigure<StageTimes>({
  id: "stages",
  title: "Stage times",
  caption:
    "A dot is a run, a box spans the middle half of the runs, a line is their median. Each panel has all finished runs, whatever the other parameters; a run that did not get to a stage is not in its column.",
  read: async ({ sweep, signal }) => {
    const runs: SweepRun[] = [];
    for await (const run of sweep.summaries({ signal })) runs.push(run);
    runs.sort((a, b) => a.run - b.run);
    const { info } = sweep;
    const panels = stagePanels(info, runs);
    if (panels.every(({ times }) => times.length === 0)) {
      throw new FigureError(
        `no run of ${sweep.name} has got to the end of a stage: ${info.done} of ${info.runs} have finished`,
        "state",
      );
    }
    return { sweep: describeSweep(info), panels };
  },
  plot: ({ sweep, panels }): TopLevelSpec => ({
    title: heading("Stage times", [sweep]),
    vconcat: panels.map(panel),
  }),
});
