import { html, type PropertyValues } from "lit";
import { count } from "../../../cli/numbers.ts";
import {
  type StageKind,
  type StagePanel,
  type StageTime,
  stageKinds,
} from "../../../figures/sweeps/stage-spreads.ts";
import { stepLabels } from "../charts/labels.ts";
import { roundSplits } from "../charts/ranges.ts";
import type { Fitted } from "../draw/canvas.ts";
import { CanvasFigure } from "../draw/canvas-figure.ts";
import { type Colours, colours } from "../draw/colours.ts";
import { mark } from "./marks.ts";

const kinds = stageKinds.map(({ kind }) => kind);

const colourOf: Readonly<Record<StageKind, keyof Colours>> = {
  "memorization ends": "rare",
  "generalization ends": "train",
  grokked: "partner",
};

const margin = { left: 46, right: 10, top: 10, bottom: 24 } as const;

/** A dot is looked at from so far away, CSS pixels. */
const reach = 14;

interface Dot {
  readonly x: number;
  readonly y: number;
  readonly time: StageTime;
}

/** When runs passed from stage to stage, against one swept parameter: a mark a run, a box over their middle half, a line at the median. */
class StageTimesFigure extends CanvasFigure {
  static override properties = { panel: { attribute: false } };
  declare panel: StagePanel;
  #dots: Dot[] = [];

  protected readonly aspect = 0.62;

  protected get initialLabel(): string {
    return "Stage times";
  }

  override willUpdate(changed: PropertyValues): void {
    if (changed.has("panel")) this.redraw();
  }

  protected paint({ context, width, height }: Fitted): string {
    const { values, times, spreads } = this.panel;
    const ink = colours();
    const steps = times.map(({ step }) => step);
    const [low, high] = bounds(steps);
    const plot = { width: width - margin.left - margin.right, height: height - margin.top - margin.bottom };
    const column = plot.width / Math.max(1, values.length);
    const lane = Math.min(26, (column * 0.8) / kinds.length);
    const y = (step: number) =>
      margin.top + plot.height * (1 - (Math.log(step) - Math.log(low)) / (Math.log(high) - Math.log(low)));
    const index = new Map(values.map((value, i) => [value, i]));
    const x = (value: string, kind: StageKind) =>
      margin.left +
      column * (index.get(value)! + 0.5) +
      lane * (kinds.indexOf(kind) - (kinds.length - 1) / 2);
    this.#axes(context, { low, high, width, height, column, y });
    for (const { value, kind, lowerQuartile, upperQuartile } of spreads) {
      const [top, bottom] = [y(upperQuartile), y(lowerQuartile)];
      context.fillStyle = `${ink[colourOf[kind]]}40`;
      context.fillRect(x(value, kind) - 0.4 * lane, top, 0.8 * lane, Math.max(1, bottom - top));
    }
    this.#dots = times.map((time) => ({
      x: x(time.value, time.kind) + 0.5 * lane * scatter(time.seed),
      y: y(time.step),
      time,
    }));
    const size = Math.max(1.5, Math.min(3, lane / 6));
    for (const { x: across, y: down, time } of this.#dots) {
      context.fillStyle = ink[colourOf[time.kind]];
      mark(context, kinds.indexOf(time.kind), across, down, size);
    }
    context.fillStyle = ink.ink;
    for (const { value, kind, median } of spreads)
      context.fillRect(x(value, kind) - 0.45 * lane, y(median) - 1, 0.9 * lane, 2);
    return this.#label();
  }

  #axes(
    context: CanvasRenderingContext2D,
    {
      low,
      high,
      width,
      height,
      column,
      y,
    }: Record<"low" | "high" | "width" | "height" | "column", number> & { y: (step: number) => number },
  ): void {
    const ink = colours();
    context.font = "11px system-ui, sans-serif";
    context.textBaseline = "middle";
    context.textAlign = "right";
    const steps = roundSplits(low, high, 7).filter(Number.isInteger);
    const labels = stepLabels(steps);
    for (const [i, step] of steps.entries()) {
      const down = Math.round(y(step)) + 0.5;
      context.strokeStyle = ink.faint;
      context.lineWidth = 1;
      context.beginPath();
      context.moveTo(margin.left, down);
      context.lineTo(width - margin.right, down);
      context.stroke();
      context.fillStyle = ink.muted;
      context.fillText(labels[i]!, margin.left - 6, down);
    }
    context.textAlign = "center";
    context.textBaseline = "bottom";
    const { values } = this.panel;
    const widest = Math.max(...values.map((value) => context.measureText(value).width)) + 8;
    const every = Math.ceil(widest / column);
    for (const [i, value] of values.entries())
      if (i % every === 0) context.fillText(value, margin.left + column * (i + 0.5), height - 4);
  }

  #label(): string {
    const { parameter, spreads } = this.panel;
    const medians = spreads
      .slice(0, 12)
      .map(({ value, kind, median, runs, of }) => `${value}: ${kind} at ${count(median)} (${runs} of ${of})`);
    const more = spreads.length > 12 ? ", and more" : "";
    return `Stage times${parameter === "" ? "" : ` by ${parameter}`}, medians: ${medians.join(", ")}${more}`;
  }

  protected valueAt(x: number, y: number): string | undefined {
    let nearest: Dot | undefined;
    let best = reach;
    for (const dot of this.#dots) {
      const distance = Math.hypot(dot.x - x, dot.y - y);
      if (distance < best) [nearest, best] = [dot, distance];
    }
    if (nearest === undefined) return undefined;
    const { value, kind, seed, step } = nearest.time;
    const { parameter } = this.panel;
    return `${parameter === "" ? "" : `${parameter} ${value}, `}seed ${seed}: ${kind} at step ${count(step)}`;
  }

  protected caption() {
    const { parameter } = this.panel;
    return html`<h3>${parameter === "" ? "Stage times" : parameter}</h3><span class="muted">steps at which stages end</span>`;
  }

  protected override footer() {
    const shapes = ["M4 0a4 4 0 1 0 .01 0z", "M0 0h8v8H0z", "M4 0l4.6 8H-.6z"];
    return html`
      <ul class="classes stage-kinds">
        ${kinds.map(
          (kind, i) => html`
            <li>
              <svg width="9" height="9" viewBox="-0.6 -0.4 9.4 8.8" aria-hidden="true">
                <path d=${shapes[i]!} fill="var(--${colourOf[kind]})" />
              </svg>
              ${kind}
            </li>
          `,
        )}
      </ul>
    `;
  }
}

/** Whole decades would leave most of the plot empty; a little room on both sides. */
function bounds(steps: readonly number[]): [low: number, high: number] {
  if (steps.length === 0) return [1, 10];
  let [low, high] = [steps[0]!, steps[0]!];
  for (const step of steps) [low, high] = [Math.min(low, step), Math.max(high, step)];
  return [low / 1.25, high * 1.25];
}

/** Sideways, -0.5 to 0.5, so that runs of equal times lie beside each other; the same for a seed at every drawing. */
function scatter(seed: number): number {
  return ((seed * 0.618_033_988_75) % 1) - 0.5;
}

customElements.define("grokbox-stage-times", StageTimesFigure);
