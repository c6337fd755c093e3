import type { SweepBands } from "@grokbox/sdk";
import { html, type PropertyValues } from "lit";
import uPlot from "uplot";
import { count, plural } from "../../../cli/numbers.ts";
import { plotOptions } from "../charts/plot-options.ts";
import { stepRange } from "../charts/ranges.ts";
import { theme } from "../data/theme.ts";
import { colours } from "../draw/colours.ts";
import { frames } from "../draw/frames.ts";
import { setText } from "../draw/text.ts";
import { LightElement } from "../light-element.ts";
import { type BandColumns, type BandCurve, type BandPanel, bandColumns, bandCurves } from "./band-panels.ts";

/** Opacity of a band, hexadecimal. */
const bandAlpha = "38";

/** One panel of progress over the runs of a group: medians, and bands of their middle half. */
class BandChart extends LightElement {
  static override properties = { bands: { attribute: false }, panel: { attribute: false } };
  declare bands: SweepBands | undefined;
  declare panel: BandPanel;
  #plot: uPlot | undefined;
  #curves: readonly BandCurve[] = [];
  #columns: BandColumns = [[]];
  /** What the plot was made for: it is made anew when that changes. */
  #madeFor = "";
  #hovered: number | undefined;
  #width = 0;
  #height = 0;

  override connectedCallback(): void {
    super.connectedCallback();
    this.until(
      theme.subscribe(() => {
        this.#madeFor = "";
        frames.request(this.#draw);
      }),
    );
    this.until(() => {
      for (const draw of [this.#draw, this.#tell]) frames.cancel(draw);
      this.#plot?.destroy();
      this.#plot = undefined;
      this.#madeFor = "";
    });
  }

  override willUpdate(changed: PropertyValues): void {
    if (!changed.has("bands") && !changed.has("panel")) return;
    const { bands, panel } = this;
    this.#curves = bands === undefined ? [] : bandCurves(panel, bands);
    this.#columns = bands === undefined ? [[]] : bandColumns(bands, this.#curves, panel.left);
  }

  override firstUpdated(): void {
    const size = new ResizeObserver(([entry]) => {
      const { width, height } = entry!.contentRect;
      [this.#width, this.#height] = [Math.floor(width), Math.floor(height)];
      frames.request(this.#draw);
    });
    size.observe(this.querySelector(".plot")!);
    this.until(() => size.disconnect());
  }

  override updated(changed: PropertyValues): void {
    super.updated(changed);
    frames.request(this.#draw);
  }

  readonly #draw = (): void => {
    if (this.#width === 0) return;
    const madeFor = this.#curves.map(({ name }) => name).join();
    if (this.#plot === undefined || madeFor !== this.#madeFor) this.#make();
    else {
      if (this.#plot.width !== this.#width || this.#plot.height !== this.#height)
        this.#plot.setSize({ width: this.#width, height: this.#height });
      this.#plot.setData(this.#columns as uPlot.AlignedData);
    }
    this.#madeFor = madeFor;
    this.#plot!.ctx.canvas.setAttribute("aria-label", this.#label());
    this.#tell();
  };

  #make(): void {
    this.#plot?.destroy();
    const ink = colours();
    const edge = (colour: BandCurve["colour"]) => ({ colour, dash: [], width: 0 });
    const options = plotOptions({
      panel: this.panel,
      curves: this.#curves.flatMap(({ colour, dash }) => [
        { colour, dash, width: 2 },
        edge(colour),
        edge(colour),
      ]),
      linear: false,
      colours: ink,
      width: this.#width,
      height: this.#height,
      surroundings: () => ({
        steps: stepRange(
          this.#columns[0].map((step) => ({ step })),
          false,
          undefined,
        ),
        stages: [],
        cursor: undefined,
      }),
      onSelect: () => {},
      onHover: (index) => {
        this.#hovered = index;
        frames.request(this.#tell);
      },
    });
    options.cursor!.drag = { x: false, y: false };
    options.bands = this.#curves.map(({ colour }, i) => ({
      series: [3 * i + 2, 3 * i + 3],
      fill: `${ink[colour]}${bandAlpha}`,
    }));
    this.#plot = new uPlot(
      options,
      this.#columns as uPlot.AlignedData,
      this.querySelector<HTMLElement>(".plot")!,
    );
    this.#plot.ctx.canvas.setAttribute("role", "img");
  }

  #textAt(curve: number, row: number): string {
    const [median, upper, lower] = [1, 2, 3].map((offset) => this.#columns[3 * curve + offset]?.[row]);
    const { text } = this.#curves[curve]!;
    if (median === null || median === undefined) return "–";
    const band = lower == null || upper == null ? "" : ` (${text(lower)} to ${text(upper)})`;
    return `${text(median)}${band}`;
  }

  /** Values at the pointer, or else of the last step, into the legend. */
  readonly #tell = (): void => {
    const [steps] = this.#columns;
    const row = this.#hovered ?? steps.length - 1;
    for (const [i, element] of this.querySelectorAll<HTMLElement>(".legend .value").entries())
      if (i < this.#curves.length) setText(element, this.#textAt(i, row));
    const at = this.#hovered === undefined || steps[row] === undefined ? "" : `at step ${count(steps[row])}`;
    setText(this.querySelector<HTMLElement>(".at")!, at);
  };

  #label(): string {
    const { title, unit } = this.panel;
    const [steps] = this.#columns;
    const last = steps.length - 1;
    if (this.bands === undefined || last < 0) return `${title}: ${unit}; no run has finished yet`;
    const values = this.#curves.map(({ name }, i) => `${name} ${this.#textAt(i, last)}`);
    return `${title}: ${unit}; medians over ${plural(this.bands.runs, "run")} and their middle half; at step ${count(steps[last])}: ${values.join(", ")}`;
  }

  override render() {
    const { title, unit } = this.panel;
    return html`
      <figure class="figure">
        <figcaption>
          <h3>${title}</h3>
          <span class="muted">${unit}</span>
          <span class="muted at"></span>
        </figcaption>
        <ul class="legend">
          ${this.#curves.map(
            ({ name, colour, dash }) => html`
              <li>
                <svg width="26" height="8" aria-hidden="true">
                  <line x1="1" x2="25" y1="4" y2="4" stroke="var(--${colour})" stroke-width="2" stroke-dasharray=${dash.join(" ")} />
                </svg>
                ${name} <span class="value"></span>
              </li>
            `,
          )}
        </ul>
        <div class="plot"></div>
      </figure>
    `;
  }
}

customElements.define("grokbox-band-chart", BandChart);
