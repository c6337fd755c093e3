import type uPlot from "uplot";
import type { StageSpan } from "../data/stage-at.ts";
import type { Colours } from "../draw/colours.ts";
import { isolated } from "./columns.ts";
import { stepLabels, valueLabel } from "./labels.ts";
import type { Curve, Panel } from "./panels.ts";
import { decades, type Range, roundSplits, roundUp } from "./ranges.ts";

/** What a plot draws besides its curves, read anew for every drawing. */
export interface Surroundings {
  readonly steps: Range;
  readonly stages: readonly StageSpan[];
  /** Step looked back at. */
  readonly cursor: number | undefined;
}

export interface PlotContext {
  readonly panel: Pick<Panel, "left" | "right">;
  readonly curves: readonly Pick<Curve, "colour" | "dash" | "width" | "isRight" | "isScheduled">[];
  readonly linear: boolean;
  readonly colours: Colours;
  readonly width: number;
  readonly height: number;
  surroundings(): Surroundings;
  /** Dragged over, CSS pixels from the left of the plot. */
  onSelect(firstStep: number, lastStep: number): void;
  onHover(index: number | undefined): void;
}

const font = "11px system-ui, -apple-system, Segoe UI, Roboto, sans-serif";

function valueAxis(kind: Panel["left"]): uPlot.Axis {
  return {
    size: 58,
    space: 32,
    values: (_, splits) => splits.map(valueLabel),
    ...(kind === "decades" ? roundMarks(6) : {}),
  };
}

/** Of a logarithmic axis. */
function roundMarks(most: number): Pick<uPlot.Axis, "splits" | "filter" | "incrs"> {
  return {
    splits: ({ width }, _axis, low, high) => roundSplits(low, high, most, Math.min(most, width / 70)),
    filter: (_, splits) => splits,
    // uPlot's own end at 10³², and an axis for which it finds none gets no marks.
    incrs: [Number.MAX_VALUE],
  };
}

export function plotOptions(context: PlotContext): uPlot.Options {
  const { panel, curves, linear, colours, width, height } = context;
  const axis = { stroke: colours.muted, font, ticks: { show: false }, gap: 6 } as const;
  const grid = { stroke: colours.faint, width: 1 };
  return {
    width,
    height,
    // Half of a step that is written out is beyond the end.
    padding: [14, panel.right === undefined ? 28 : 0, 0, 0],
    legend: { show: false },
    cursor: {
      drag: { x: true, y: false, setScale: false },
      sync: { key: "steps", scales: ["x", null] },
      points: { size: 7 },
      y: false,
    },
    scales: {
      x: { time: false, distr: linear ? 1 : 3, range: () => [...context.surroundings().steps] },
      left: scale(panel.left),
      right: scale(panel.right ?? "shares"),
    },
    axes: [
      {
        ...axis,
        size: 28,
        space: 70,
        grid: { show: false },
        values: (_, splits) => stepLabels(splits),
        ...(linear ? {} : roundMarks(8)),
        // Between whole numbers there is no step.
        filter: (_, splits) => splits.map((step) => (Number.isInteger(step) ? step : null)),
      },
      { ...axis, ...valueAxis(panel.left), scale: "left", grid },
      ...(panel.right === undefined
        ? []
        : [
            {
              ...axis,
              ...valueAxis(panel.right),
              scale: "right",
              side: 1 as const,
              grid: { show: false },
            },
          ]),
    ],
    series: [
      {},
      ...curves.map((curve) => ({
        scale: curve.isRight ? "right" : "left",
        stroke: colours[curve.colour],
        width: curve.width,
        dash: [...curve.dash],
        points: {
          show: false,
          filter: (plot: uPlot, series: number) =>
            curve.width === 0 ? null : isolated(plot.data[series]!, curve.isScheduled),
          size: curve.width + 3,
          fill: colours[curve.colour],
        },
        spanGaps: curve.isScheduled ?? false,
      })),
    ],
    hooks: {
      drawClear: [(plot) => drawStages(plot, context.surroundings(), colours)],
      draw: [(plot) => drawCursor(plot, context.surroundings(), colours)],
      setSelect: [
        (plot) => {
          const { left, width: across } = plot.select;
          if (across > 4) context.onSelect(plot.posToVal(left, "x"), plot.posToVal(left + across, "x"));
          if (across > 0) plot.setSelect({ left: 0, top: 0, width: 0, height: 0 }, false);
        },
      ],
      setCursor: [(plot) => context.onHover(plot.cursor.idx ?? undefined)],
    },
  };
}

function scale(kind: NonNullable<Panel["left"]>): uPlot.Scale {
  switch (kind) {
    case "decades":
      return { distr: 3, range: (_, low, high) => [...decades(low, high)] };
    case "shares":
      return { range: [0, 1] };
    case "from 0":
      return { range: (_, _low, high) => [0, roundUp(high)] };
  }
}

/** Backgrounds of the stages, each with its name where there is room for it. */
function drawStages(plot: uPlot, { stages }: Surroundings, colours: Colours): void {
  const { ctx, bbox } = plot;
  const ratio = devicePixelRatio;
  ctx.save();
  ctx.font = `${11 * ratio}px system-ui, sans-serif`;
  ctx.textAlign = "center";
  ctx.textBaseline = "bottom";
  const clamp = (step: number) =>
    Math.max(
      bbox.left,
      Math.min(bbox.left + bbox.width, step <= 0 ? bbox.left : plot.valToPos(step, "x", true)),
    );
  for (const { stage, first, end } of stages) {
    const [left, right] = [clamp(first), clamp(end)];
    if (!(right > left)) continue;
    ctx.fillStyle = colours[stage];
    ctx.fillRect(left, bbox.top, right - left, bbox.height);
    if (ctx.measureText(stage).width + 8 * ratio > right - left) continue;
    ctx.fillStyle = colours.muted;
    ctx.fillText(stage, (left + right) / 2, bbox.top - ratio);
  }
  ctx.restore();
}

/** The step that is looked back at. */
function drawCursor(plot: uPlot, { cursor, steps }: Surroundings, colours: Colours): void {
  if (cursor === undefined || cursor < steps[0] || cursor > steps[1]) return;
  const { ctx, bbox } = plot;
  const x = Math.round(plot.valToPos(cursor, "x", true)) + 0.5;
  ctx.save();
  // uPlot leaves the dashes of the last curve.
  ctx.setLineDash([]);
  ctx.strokeStyle = colours.cursor;
  ctx.lineWidth = devicePixelRatio;
  ctx.beginPath();
  ctx.moveTo(x, bbox.top);
  ctx.lineTo(x, bbox.top + bbox.height);
  ctx.stroke();
  ctx.fillStyle = colours.cursor;
  ctx.beginPath();
  ctx.moveTo(x - 4 * devicePixelRatio, bbox.top - 1);
  ctx.lineTo(x + 4 * devicePixelRatio, bbox.top - 1);
  ctx.lineTo(x, bbox.top + 5 * devicePixelRatio);
  ctx.fill();
  ctx.restore();
}
