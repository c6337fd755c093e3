import type { ProgressPoint } from "@grokbox/sdk";
import { html, type PropertyValues } from "lit";
import uPlot from "uplot";
import { count } from "../../../cli/numbers.ts";
import type { SessionView } from "../data/session-view.ts";
import { stageSpans } from "../data/stage-at.ts";
import { theme } from "../data/theme.ts";
import { colours } from "../draw/colours.ts";
import { frames, readableMs } from "../draw/frames.ts";
import { setText } from "../draw/text.ts";
import { LightElement } from "../light-element.ts";
import { type Columns, columnsOf } from "./columns.ts";
import { type Curve, type Panel, shownCurves } from "./panels.ts";
import { plotOptions } from "./plot-options.ts";
import { type Range, stepRange } from "./ranges.ts";

/** A screen reader that reads along would not get to the end of a sentence more often than this. */
const labelEveryMs = 1_000;

/** A second click that comes later is another one. */
const doubleClickMs = 250;

/** One panel of progress, live; the values at the pointer, or else at the step looked at, stand in its legend. */
class ProgressChart extends LightElement {
  static override properties = { view: { attribute: false }, panel: { attribute: false } };
  declare view: SessionView;
  declare panel: Panel;
  #plot: uPlot | undefined;
  /** What the plot was made for: it is made anew when that changes. */
  #madeFor = "";
  #curves: Curve[] = [];
  #shown: readonly ProgressPoint[] = [];
  #steps: Range = [1, 10];
  #hovered: number | undefined;
  /** Where the pointer went down last, CSS pixels. */
  #pressedX = 0;
  #clicked: ReturnType<typeof setTimeout> | undefined;
  #isOnScreen = false;
  /** What was drawn last. */
  #seen: readonly unknown[] = [];
  /** Of the plot, CSS pixels: asking the page for it in the midst of drawing would have it laid out again and again. */
  #width = 0;
  #height = 0;

  override connectedCallback(): void {
    super.connectedCallback();
    const onScreen = new IntersectionObserver(([entry]) => {
      this.#isOnScreen = entry!.isIntersecting;
      this.#redraw();
    });
    onScreen.observe(this);
    this.until(() => onScreen.disconnect());
    this.until(this.view.subscribe(this.#follow));
    this.until(
      theme.subscribe(() => {
        this.#madeFor = "";
        this.#redraw();
      }),
    );
    this.until(() => {
      clearTimeout(this.#clicked);
      for (const draw of [this.#draw, this.#tell, this.#say]) frames.cancel(draw);
      this.#plot?.destroy();
      this.#plot = undefined;
      this.#madeFor = "";
    });
  }

  /** Draws again only when something that is drawn has changed. */
  readonly #follow = (): void => {
    const { view } = this;
    const { latest } = view.watch;
    const { memorizationEnd, generalizationEnd } = view.info?.stages ?? {};
    const seen = [latest, view.point, view.points.length, view.link, memorizationEnd, generalizationEnd];
    if (seen.every((value, i) => value === this.#seen[i])) return;
    this.#seen = seen;
    this.#redraw();
  };

  readonly #redraw = (): void => {
    if (this.#isOnScreen) frames.request(this.#draw);
  };

  readonly #draw = (): void => {
    if (this.#width === 0) return;
    const { view, panel } = this;
    const { linear = false, classes = false, zoom } = view.link;
    this.#curves = shownCurves(panel, view.watch.latest, classes);
    const { points } = view;
    this.#steps = stepRange(zoom === undefined ? points : view.watch.points, linear, zoom);
    const columns = columnsOf(points, this.#curves, panel, linear);
    this.#shown = points.slice(points.length - columns[0].length);
    const madeFor = [linear, ...this.#curves.map(({ name }) => name)].join();
    if (this.#plot === undefined || madeFor !== this.#madeFor) this.#make(columns, linear);
    else this.#update(this.#plot, columns);
    this.#madeFor = madeFor;
    frames.request(this.#tell, view.pinnedStep === undefined ? readableMs : 0);
    frames.request(this.#say, labelEveryMs);
  };

  #make(columns: Columns, linear: boolean): void {
    this.#plot?.destroy();
    const host = this.querySelector<HTMLElement>(".plot")!;
    const options = plotOptions({
      panel: this.panel,
      curves: this.#curves,
      linear,
      colours: colours(),
      width: this.#width,
      height: this.#height,
      surroundings: () => ({
        steps: this.#steps,
        stages: stageSpans(this.view.info?.stages, this.view.lastStep),
        cursor: this.view.pinnedStep === undefined ? undefined : this.view.point?.step,
      }),
      onSelect: (first, last) => this.#zoom(first, last),
      onHover: (index) => {
        this.#hovered = index;
        frames.request(this.#tell);
      },
    });
    this.#plot = new uPlot(options, columns as uPlot.AlignedData, host);
    this.#plot.ctx.canvas.setAttribute("role", "img");
    this.#plot.over.addEventListener("click", (event) => this.#onClick(event));
    this.#say();
    this.requestUpdate();
  }

  #update(plot: uPlot, columns: Columns): void {
    if (plot.width !== this.#width || plot.height !== this.#height) {
      plot.setSize({ width: this.#width, height: this.#height });
    }
    plot.setData(columns as uPlot.AlignedData);
  }

  /** Once: looks back at the step there, unless it was the end of a drag. Twice: shows all steps. */
  #onClick(event: MouseEvent): void {
    clearTimeout(this.#clicked);
    if (event.detail > 1) {
      this.view.show({ zoom: undefined });
      return;
    }
    const point = this.#hovered === undefined ? undefined : this.#shown[this.#hovered];
    const isDrag = Math.abs(event.clientX - this.#pressedX) > 3;
    if (point === undefined || isDrag) return;
    this.#clicked = setTimeout(() => this.view.show({ step: point.step }), doubleClickMs);
  }

  #zoom(first: number, last: number): void {
    const zoom = { first: Math.max(0, Math.round(first)), last: Math.round(last) };
    if (zoom.last > zoom.first) this.view.show({ zoom });
  }

  /** Values into the legend. */
  readonly #tell = (): void => {
    const hovered = this.#hovered === undefined ? undefined : this.#shown[this.#hovered];
    const point = hovered ?? this.view.point;
    const values = this.querySelectorAll<HTMLElement>(".legend .value");
    for (const [i, element] of values.entries()) {
      const curve = this.#curves[i];
      if (curve !== undefined) setText(element, this.#text(curve, point));
    }
    setText(
      this.querySelector<HTMLElement>(".at")!,
      hovered === undefined ? "" : `at step ${count(hovered.step)}`,
    );
  };

  /** The same in words. */
  readonly #say = (): void => {
    this.#plot?.ctx.canvas.setAttribute("aria-label", this.#label(this.view.point));
  };

  #label(point: ProgressPoint | undefined): string {
    const { title, unit } = this.panel;
    if (point === undefined) return `${title}: ${unit}; no steps recorded yet`;
    const values = this.#curves.map((curve) => `${curve.name} ${this.#text(curve, point)}`);
    return `${title}: ${unit}; at step ${count(point.step)}: ${values.join(", ")}; steps ${count(this.#steps[0])} to ${count(this.#steps[1])} are shown`;
  }

  /** Of a curve that not every point carries, the last value, with its step. */
  #text(curve: Curve, point: ProgressPoint | undefined): string {
    const carrier = point && curve.isScheduled ? this.view.carrierOf(point, curve.value) : point;
    const text = curve.text(carrier && curve.value(carrier));
    return carrier === undefined || carrier === point ? text : `${text} at step ${count(carrier.step)}`;
  }

  override firstUpdated(): void {
    const size = new ResizeObserver(([entry]) => {
      const { width, height } = entry!.contentRect;
      [this.#width, this.#height] = [Math.floor(width), Math.floor(height)];
      this.#redraw();
    });
    size.observe(this.querySelector(".plot")!);
    this.until(() => size.disconnect());
  }

  override updated(changed: PropertyValues): void {
    super.updated(changed);
    this.#redraw();
  }

  #onPress(event: PointerEvent): void {
    this.#pressedX = event.clientX;
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
            ({ name, colour, dash, width }) => html`
              <li>
                <svg width="26" height="8" aria-hidden="true">
                  <line x1="1" x2="25" y1="4" y2="4" stroke="var(--${colour})" stroke-width=${width} stroke-dasharray=${dash.join(" ")} />
                </svg>
                ${name} <span class="value"></span>
              </li>
            `,
          )}
        </ul>
        <div class="plot" @pointerdown=${this.#onPress}></div>
      </figure>
    `;
  }
}

customElements.define("grokbox-progress-chart", ProgressChart);
