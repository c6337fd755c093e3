import type { SweepRun } from "@grokbox/sdk";
import type { TopLevelSpec } from "vega-lite";
import { FigureError } from "../figure-error.ts";
import { colours } from "../style/palette.ts";
import type { Panel } from "../style/panel.ts";
import { heading } from "../style/title.ts";
import { describeSweep, parameterLabel } from "./labels.ts";
import { sweepFigure } from "./sweep-figure.ts";

const kinds = [
  { kind: "memorization ends", key: "memorizationEnd", colour: colours.orange },
  { kind: "generalization ends", key: "generalizationEnd", colour: colours.blue },
  { kind: "grokked", key: "grokkingStep", colour: colours.green },
] as const satisfies readonly { key: keyof SweepRun; kind: string; colour: string }[];

/** One stage time of one run. */
interface Time {
  readonly value: string;
  readonly kind: string;
  readonly seed: number;
  readonly step: number;
}

/** The times of all runs that have one value of a parameter. */
interface Spread {
  readonly value: string;
  readonly kind: string;
  /** Runs that got there. */
  readonly runs: number;
  /** Runs that have the value, and could have. */
  readonly of: number;
  readonly lowerQuartile: number;
  readonly median: number;
  readonly upperQuartile: number;
}

interface Panelled {
  /** weight_decay; empty where nothing is swept. */
  readonly parameter: string;
  /** In the order of the axis. */
  readonly values: readonly string[];
  readonly times: readonly Time[];
  readonly spreads: readonly Spread[];
}

interface StageTimes {
  readonly sweep: string;
  readonly panels: readonly Panelled[];
}

function panelled(
  parameter: string,
  values: readonly string[],
  runs: readonly SweepRun[],
  labelOf: (run: SweepRun) => string,
): Panelled {
  const times = runs.flatMap((run) =>
    kinds.flatMap(({ kind, key }): Time[] => {
      const step = run[key];
      // On a logarithmic axis there is no step 0.
      return step === undefined
        ? []
        : [{ value: labelOf(run), kind, seed: run.seed, step: Math.max(1, step) }];
    }),
  );
  const spreads = values.flatMap((value) =>
    kinds.flatMap(({ kind }): Spread[] => {
      const steps = times
        .filter((time) => time.value === value && time.kind === kind)
        .map(({ step }) => step);
      if (steps.length === 0) return [];
      const sorted = steps.sort((a, b) => a - b);
      const [lowerQuartile = 0, median = 0, upperQuartile = 0] = [0.25, 0.5, 0.75].map((share) =>
        quantile(sorted, share),
      );
      const of = runs.filter((run) => labelOf(run) === value).length;
      return [{ value, kind, runs: steps.length, of, lowerQuartile, median, upperQuartile }];
    }),
  );
  return { parameter, values, times, spreads };
}

/** By linear interpolation, as the server's bands have it. */
function quantile(sorted: readonly number[], share: number): number {
  const at = (sorted.length - 1) * share;
  const low = sorted[Math.floor(at)]!;
  return low + (at % 1) * (sorted[Math.ceil(at)]! - low);
}

function panel({ parameter, values, times, spreads }: Panelled): Panel {
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
    scale: { domain: kinds.map(({ kind }) => kind) },
  };
  const color = {
    field: "kind",
    type: "nominal" as const,
    title: null,
    scale: { domain: kinds.map(({ kind }) => kind), range: kinds.map(({ colour }) => colour) },
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
    const axes = info.definition?.axes ?? [];
    const panels =
      axes.length > 0
        ? axes.map(({ parameter, values }) =>
            panelled(parameterLabel(parameter), values.map(String), runs, ({ coordinates }) =>
              String(coordinates[parameter]),
            ),
          )
        : [
            panelled(
              info.groups === 1 ? "" : "spec",
              Array.from({ length: info.groups }, (_, i) => (info.groups === 1 ? "all runs" : String(i))),
              runs,
              ({ group }) => (info.groups === 1 ? "all runs" : String(group)),
            ),
          ];
    if (panels.every(({ times }) => times.length === 0)) {
      throw new FigureError(
        `no run of ${sweep.name} has got to the end of a stage: ${info.done} of ${info.runs} have finished`,
      );
    }
    return { sweep: describeSweep(info), panels };
  },
  plot: ({ sweep, panels }): TopLevelSpec => ({
    title: heading("Stage times", [sweep]),
    vconcat: panels.map(panel),
  }),
});
