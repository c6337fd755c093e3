import { html, nothing, type PropertyValues } from "lit";
import { count, measure } from "../../../cli/numbers.ts";
import { isDark } from "../data/theme.ts";
import type { Fitted } from "../draw/canvas.ts";
import { CanvasFigure } from "../draw/canvas-figure.ts";
import { colours } from "../draw/colours.ts";
import { divergingGradient, divergingScale } from "../draw/diverging.ts";
import { chosenRows } from "../draw/pixels.ts";
import { type CoefficientMap, coefficientMap, columnName } from "./coefficients.ts";
import type { WeightsState } from "./weights-feed.ts";

const bottom = 18;

/** Fourier coefficients of one layer: a row a neuron, sorted by dominant frequency; a column a coefficient. */
class SpectrumHeatmap extends CanvasFigure {
  static override properties = { state: { attribute: false }, layer: { attribute: false } };
  declare state: WeightsState | undefined;
  declare layer: "theta" | "xi";
  #map: CoefficientMap | undefined;
  #buffer = document.createElement("canvas");

  protected readonly aspect = 1.06;

  protected get initialLabel(): string {
    return `${this.layer}: no weights yet`;
  }

  override willUpdate(changed: PropertyValues): void {
    if (!changed.has("state")) return;
    this.#map = this.state && coefficientMap(this.state.spectrum, this.layer);
    this.redraw();
  }

  protected paint({ context, width, height }: Fitted): string {
    const map = this.#map;
    if (map === undefined || this.state === undefined) return this.initialLabel;
    const { columns, values, largest, neurons } = map;
    const plot = height - bottom;
    const rows = chosenRows(neurons.length, Math.round(plot * devicePixelRatio));
    const image = new ImageData(columns, rows.length);
    const pixels = new Uint32Array(image.data.buffer);
    const pixel = divergingScale(isDark());
    for (const [i, row] of rows.entries()) {
      for (let column = 0; column < columns; column++) {
        pixels[i * columns + column] = pixel(largest === 0 ? 0 : values[row * columns + column]! / largest);
      }
    }
    this.#buffer.width = columns;
    this.#buffer.height = rows.length;
    this.#buffer.getContext("2d")!.putImageData(image, 0, 0);
    context.imageSmoothingEnabled = false;
    context.drawImage(this.#buffer, 0, 0, width, plot);
    this.#axis(context, width, plot, columns);
    return this.#label(map, this.state);
  }

  /** Frequencies, under the middle of their cosine and sine. */
  #axis(context: CanvasRenderingContext2D, width: number, plot: number, columns: number): void {
    const frequencies = (columns - 1) / 2;
    const cell = width / columns;
    const every = Math.max(1, Math.ceil(18 / (2 * cell)));
    context.fillStyle = colours().muted;
    context.font = "11px system-ui, sans-serif";
    context.textAlign = "center";
    context.textBaseline = "bottom";
    for (let k = 1; k <= frequencies; k += every) context.fillText(String(k), 2 * k * cell, plot + bottom);
  }

  #label({ largest, frequencies }: CoefficientMap, { step, spectrum }: WeightsState): string {
    const used = new Set(frequencies.filter((k) => k > 0)).size;
    const ipr = spectrum.ipr[this.layer];
    return `${this.layer}: Fourier coefficients of ${count(frequencies.length)} neurons at step ${count(step)}, on ${used} dominant frequencies, largest ${measure(largest)}${ipr === undefined ? "" : `, inverse participation ratio ${measure(ipr)}`}`;
  }

  protected valueAt(x: number, y: number, { width, height }: Fitted): string | undefined {
    const map = this.#map;
    const plot = height - bottom;
    if (map === undefined || x < 0 || y < 0 || x >= width || y >= plot) return undefined;
    const column = Math.floor((x / width) * map.columns);
    const row = Math.floor((y / plot) * map.neurons.length);
    const value = measure(map.values[row * map.columns + column]!);
    const k = map.frequencies[row]!;
    return `neuron ${map.neurons[row]!}, ${k === 0 ? "no frequency" : `k = ${k}`}: ${columnName(column)} ${value}`;
  }

  protected caption() {
    const [letter, what] = this.layer === "theta" ? ["θ", "input weights"] : ["ξ", "output weights"];
    return html`<h3>${letter}</h3><span class="muted">${what}, by frequency</span>`;
  }

  protected override footer() {
    if (this.#map === undefined) return nothing;
    const largest = measure(this.#map.largest);
    return html`
      <p class="note scale">
        <span>−${largest}</span>
        <span class="ramp" style="background:${divergingGradient(isDark())}"></span>
        <span>${largest}</span>
      </p>
    `;
  }
}

customElements.define("grokbox-spectrum", SpectrumHeatmap);
