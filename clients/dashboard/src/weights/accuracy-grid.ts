import { html, nothing, type PropertyValues, svg } from "lit";
import { count, percent } from "../../../cli/numbers.ts";
import type { Fitted } from "../draw/canvas.ts";
import { CanvasFigure } from "../draw/canvas-figure.ts";
import { type Colours, colours } from "../draw/colours.ts";
import { cellMarks } from "./cell-marks.ts";
import type { WeightsState } from "./weights-feed.ts";

/** In the order of `PairGrids.pairClass`, each with the dash of its outline. */
const classes = [
  { name: "common", key: "common", colour: "common", dash: [] },
  { name: "rare", key: "rare", colour: "rare", dash: [1.5, 2] },
  { name: "partner", key: "partner", colour: "partner", dash: [4, 2] },
  { name: "held out", key: "heldOut", colour: "held-out", dash: [] },
] as const;

/** Room for the axes' names. */
const margin = 18;

/** Which pairs are answered right: x across, y down, outlined by class. */
class AccuracyGrid extends CanvasFigure {
  static override properties = { state: { attribute: false } };
  declare state: WeightsState | undefined;

  protected readonly aspect = 1.06;
  protected readonly initialLabel = "Accuracy by pair: no weights yet";
  /** What is drawn, and so belongs into the legend. */
  #marks = cellMarks(Number.POSITIVE_INFINITY);

  override willUpdate(changed: PropertyValues): void {
    if (changed.has("state")) this.redraw();
  }

  protected paint({ context, width, height }: Fitted): string {
    if (this.state === undefined) return this.initialLabel;
    const { modulus, grids } = this.state;
    const scheme = colours();
    const cell = cellOf(this.state, { width, height });
    const gap = cell > 5 ? 1 : 0;
    const marks = cellMarks(cell);
    for (let x = 0; x < modulus; x++) {
      for (let y = 0; y < modulus; y++) {
        const isRight = grids.correct.data[x * modulus + y] === 1;
        const [left, top] = [margin + x * cell, y * cell];
        context.fillStyle = isRight ? scheme.right : scheme.wrong;
        context.fillRect(left, top, cell - gap, cell - gap);
        if (!isRight && marks.crosses) cross(context, left, top, cell - gap, scheme);
      }
    }
    for (const [index, { colour, dash }] of classes.entries()) {
      if (index === 0 || !marks.outlines) continue;
      outline(context, this.state, index, cell, scheme[colour], dash, index === 3 ? 2 : 1.5);
    }
    axes(context, modulus, cell, scheme.muted);
    if (marks !== this.#marks) {
      this.#marks = marks;
      this.requestUpdate();
    }
    return this.#label(this.state);
  }

  #label({ gridsStep, scores, grids, modulus }: WeightsState): string {
    const right = grids.correct.data.reduce((sum, one) => sum + one, 0);
    const byClass = classes.flatMap(({ name, key }) => {
      const share = scores.accuracy[key];
      return share === undefined ? [] : [`${name} ${percent(share)}`];
    });
    return `Accuracy by pair: ${count(right)} of ${count(modulus ** 2)} pairs right at step ${count(gridsStep)}; ${byClass.join(", ")}`;
  }

  protected valueAt(left: number, top: number, fit: Fitted): string | undefined {
    if (this.state === undefined) return undefined;
    const { modulus, grids } = this.state;
    const cell = cellOf(this.state, fit);
    const [x, y] = [Math.floor((left - margin) / cell), Math.floor(top / cell)];
    if (x < 0 || y < 0 || x >= modulus || y >= modulus) return undefined;
    const i = x * modulus + y;
    const probability = grids.probability?.data[i];
    const sure = probability === undefined ? "" : `, probability of the answer ${percent(probability)}`;
    return `x = ${x}, y = ${y}: ${grids.correct.data[i] === 1 ? "right" : "wrong"}, ${classes[grids.pairClass.data[i]!]!.name}${sure}`;
  }

  protected caption() {
    return html`<h3>Accuracy by pair</h3><span class="muted">(x, y)</span>`;
  }

  protected override footer() {
    const { crosses, outlines } = this.#marks;
    return html`
      <ul class="classes">
        <li><svg width="11" height="11" aria-hidden="true"><rect width="11" height="11" fill="var(--right)" /></svg>right</li>
        <li>
          <svg width="11" height="11" aria-hidden="true">
            <rect width="11" height="11" fill="var(--wrong)" />
            ${crosses ? svg`<path d="M3 3l5 5M8 3l-5 5" stroke="var(--surface)" stroke-width="1.4" />` : nothing}
          </svg>wrong
        </li>
        ${(outlines ? classes : []).map(
          ({ name, key, colour, dash }) => html`
            <li>
              ${
                key === "common"
                  ? ""
                  : html`
                    <svg width="12" height="12" aria-hidden="true">
                      <rect x="1" y="1" width="10" height="10" fill="none" stroke="var(--${colour})" stroke-width=${key === "heldOut" ? 2 : 1.5} stroke-dasharray=${dash.join(" ")} />
                    </svg>
                  `
              }
              ${name}${key === "common" ? " (no outline)" : ""}
            </li>
          `,
        )}
      </ul>
      ${crosses ? nothing : html`<p class="note">The cells are too small for ${outlines ? "crosses" : "crosses and outlines"}: point at a pair to see what it is.</p>`}
    `;
  }
}

function cellOf({ modulus }: WeightsState, { width, height }: Pick<Fitted, "width" | "height">): number {
  return Math.min(width - margin, height - margin) / modulus;
}

function cross(
  context: CanvasRenderingContext2D,
  left: number,
  top: number,
  size: number,
  { surface }: Colours,
): void {
  const inset = size * 0.32;
  context.beginPath();
  context.moveTo(left + inset, top + inset);
  context.lineTo(left + size - inset, top + size - inset);
  context.moveTo(left + size - inset, top + inset);
  context.lineTo(left + inset, top + size - inset);
  context.strokeStyle = surface;
  context.lineWidth = 1;
  context.stroke();
}

function outline(
  context: CanvasRenderingContext2D,
  { modulus, grids }: WeightsState,
  index: number,
  cell: number,
  colour: string,
  dash: readonly number[],
  lineWidth: number,
): void {
  const inset = lineWidth / 2;
  context.beginPath();
  for (const [i, pairClass] of grids.pairClass.data.entries()) {
    if (pairClass !== index) continue;
    const [x, y] = [Math.floor(i / modulus), i % modulus];
    context.rect(margin + x * cell + inset, y * cell + inset, cell - 1 - lineWidth, cell - 1 - lineWidth);
  }
  context.strokeStyle = colour;
  context.lineWidth = lineWidth;
  context.setLineDash([...dash]);
  context.stroke();
  context.setLineDash([]);
}

function axes(context: CanvasRenderingContext2D, modulus: number, cell: number, colour: string): void {
  context.fillStyle = colour;
  context.font = "11px system-ui, sans-serif";
  const every = [1, 2, 5, 10, 20, 50].find((step) => step * cell >= 24)!;
  for (let i = 0; i < modulus; i += every) {
    context.textAlign = "center";
    context.textBaseline = "bottom";
    context.fillText(String(i), margin + (i + 0.5) * cell, modulus * cell + margin);
    context.textAlign = "right";
    context.textBaseline = "middle";
    // Of tiny cells the first number would reach over the top.
    context.fillText(String(i), margin - 5, Math.max(6, (i + 0.5) * cell));
  }
}

customElements.define("grokbox-accuracy-grid", AccuracyGrid);
