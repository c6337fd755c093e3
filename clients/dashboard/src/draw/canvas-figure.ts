import { html, nothing, type PropertyValues, type TemplateResult } from "lit";
import { theme } from "../data/theme.ts";
import { LightElement } from "../light-element.ts";
import { type Fitted, fitted } from "./canvas.ts";
import { frames } from "./frames.ts";
import { tipLeft } from "./tip-left.ts";

/** A figure that is drawn on a canvas: in the next frame after it changed, with its values under the pointer. */
export abstract class CanvasFigure extends LightElement {
  #tip: { readonly x: number; readonly y: number; readonly text: string } | undefined;
  #pointer: { readonly x: number; readonly y: number } | undefined;

  /** Height over width. */
  protected abstract readonly aspect: number;

  /** @returns what it shows, in words and numbers, for those who can't see it */
  protected abstract paint(fit: Fitted): string;

  /** The value at a place, with its unit; undefined where there is none. Coordinates are CSS pixels of the canvas. */
  protected abstract valueAt(x: number, y: number, fit: Fitted): string | undefined;

  protected abstract caption(): TemplateResult;

  /** Below the canvas. */
  protected footer(): TemplateResult | typeof nothing {
    return nothing;
  }

  override connectedCallback(): void {
    super.connectedCallback();
    const observer = new ResizeObserver(() => this.redraw());
    observer.observe(this);
    this.until(() => observer.disconnect());
    this.until(
      theme.subscribe(() => {
        this.redraw();
        this.requestUpdate();
      }),
    );
    this.until(() => frames.cancel(this.#draw));
  }

  protected redraw(): void {
    frames.request(this.#draw);
  }

  readonly #draw = (): void => {
    const canvas = this.querySelector("canvas");
    if (canvas === null || canvas.clientWidth === 0) return;
    const fit = fitted(canvas);
    fit.context.clearRect(0, 0, fit.width, fit.height);
    canvas.setAttribute("aria-label", this.paint(fit));
    if (this.#pointer !== undefined) this.#point(this.#pointer.x, this.#pointer.y);
  };

  #onMove(event: PointerEvent): void {
    this.#point(event.offsetX, event.offsetY);
  }

  #point(x: number, y: number): void {
    this.#pointer = { x, y };
    const text = this.valueAt(x, y, fitted(this.querySelector("canvas")!));
    this.#tip = text === undefined ? undefined : { x, y, text };
    this.requestUpdate();
  }

  #onLeave(): void {
    this.#pointer = undefined;
    this.#tip = undefined;
    this.requestUpdate();
  }

  override firstUpdated(): void {
    this.redraw();
  }

  override updated(changed: PropertyValues): void {
    super.updated(changed);
    const tip = this.querySelector<HTMLElement>(".tip");
    if (tip === null || this.#tip === undefined) return;
    // How wide it is shows when it is there.
    const { left } = this.querySelector("canvas")!.getBoundingClientRect();
    const { clientWidth } = document.documentElement;
    tip.style.left = `${tipLeft(left + this.#tip.x, tip.offsetWidth, clientWidth) - left}px`;
  }

  override render() {
    const tip = this.#tip;
    return html`
      <figure class="figure">
        <figcaption>${this.caption()}</figcaption>
        <div
          class="canvas"
          style="aspect-ratio: 1 / ${this.aspect}"
          @pointermove=${this.#onMove}
          @pointerdown=${this.#onMove}
          @pointerleave=${this.#onLeave}
        >
          <canvas role="img" aria-label=${this.initialLabel}></canvas>
          ${tip === undefined ? nothing : html`<div class="tip" style="top:${tip.y + 14}px">${tip.text}</div>`}
        </div>
        ${this.footer()}
      </figure>
    `;
  }

  /** Until it is drawn for the first time. */
  protected abstract readonly initialLabel: string;
}
