import type uPlot from "uplot";
import type { StageSpan } from "../data/stage-at.ts";
import type { Colours } from "../draw/colours.ts";
import type { Curve, Panel } from "./panels.ts";
import { decades, type Range, roundUp } from "./ranges.ts";

/** What a plot draws besides its curves, read anew for every drawing. */
export interface Surroundings {
  readonly steps: Range;
  readonly stages: readonly StageSpan[];
  /** Step looked back at. */
  readonly cursor: number | undefined;
}

export interface PlotContext {
  readonly panel: Panel;
  readonly curves: readonly Curve[];
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
const axisWidth = 52;

export function plotOptions(context: PlotContext): uPlot.Options {
  const { panel, curves, linear, colours, width, height } = context;
  const axis = { stroke: colours.muted, font, ticks: { show: false }, gap: 6 } as const;
  const grid = { stroke: colours.faint, width: 1 };
  return {
    width,
    height,
    padding: [14, panel.right === undefined ? 16 : 0, 0, 0],
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
      { ...axis, size: 28, grid: { show: false }, space: 70, values: (_, splits) => splits.map(stepLabel) },
      {
        ...axis,
        scale: "left",
        size: axisWidth,
        grid,
        space: 32,
        values: (_, splits) => splits.map(labeller(panel.left)),
      },
      ...(panel.right === undefined
        ? []
        : [
            {
              ...axis,
              scale: "right",
              side: 1 as const,
              size: axisWidth,
              grid: { show: false },
              space: 32,
              values: (_: uPlot, splits: number[]) => splits.map(labeller(panel.right!)),
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
        points: { show: false },
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

/** 500, 1k, 20k; nothing between the round ones of a logarithmic axis. */
function stepLabel(step: number | null): string {
  if (step === null) return "";
  return step < 1_000 ? String(step) : `${Number((step / 1_000).toPrecision(4))}k`;
}

const superscripts = "⁰¹²³⁴⁵⁶⁷⁸⁹";

function labeller(kind: NonNullable<Panel["left"]>): (value: number | null) => string {
  if (kind !== "decades") return (value) => (value === null ? "" : String(Number(value.toPrecision(6))));
  return (value) => {
    const power = value === null ? 0.5 : Math.log10(value);
    const whole = Math.round(power);
    if (Math.abs(power - whole) > 1e-6) return "";
    if (whole >= -2 && whole <= 3) return String(Number(value!.toPrecision(1)));
    const digits = [...String(Math.abs(whole))].map((digit) => superscripts[Number(digit)]).join("");
    return `10${whole < 0 ? "⁻" : ""}${digits}`;
  };
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
