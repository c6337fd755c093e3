import { html } from "lit";
import { count } from "../../../cli/numbers.ts";
import type { SessionView } from "../data/session-view.ts";
import { frames, readableMs } from "../draw/frames.ts";
import { setText } from "../draw/text.ts";
import { LightElement } from "../light-element.ts";

/** The slider over all steps: what it stands at, the whole page shows. */
class TimeBar extends LightElement {
  static override properties = { view: { attribute: false } };
  declare view: SessionView;
  #saidMs = 0;

  override connectedCallback(): void {
    super.connectedCallback();
    this.until(
      this.view.subscribe(() =>
        frames.request(this.#draw, this.view.pinnedStep === undefined ? readableMs : 0),
      ),
    );
    this.until(() => frames.cancel(this.#draw));
  }

  override firstUpdated(): void {
    frames.request(this.#draw);
  }

  readonly #draw = (): void => {
    const { view } = this;
    const slider = this.querySelector("input");
    if (slider === null) return;
    const { pinnedStep, shownStep, firstStep, lastStep } = view;
    const value = String(shownStep);
    if (slider.min !== String(firstStep)) slider.min = String(firstStep);
    if (slider.max !== String(lastStep)) slider.max = String(lastStep);
    if (slider.value !== value) slider.value = value;
    const said = `step ${count(shownStep)}${pinnedStep === undefined ? ", now" : ""}`;
    // Live, it would be read out with every frame to whoever has the slider in focus.
    const isDue = pinnedStep !== undefined || performance.now() - this.#saidMs > 2_000;
    if (isDue && slider.getAttribute("aria-valuetext") !== said) {
      this.#saidMs = performance.now();
      slider.setAttribute("aria-valuetext", said);
    }
    setText(this.querySelector<HTMLElement>("output strong")!, count(shownStep));
    setText(
      this.querySelector<HTMLElement>("output .muted")!,
      pinnedStep === undefined ? "now" : `of ${count(lastStep)}`,
    );
    const live = this.querySelector<HTMLButtonElement>("button")!;
    const pressed = String(pinnedStep === undefined);
    if (live.getAttribute("aria-pressed") !== pressed) live.setAttribute("aria-pressed", pressed);
  };

  #goTo(step: number): void {
    const { firstStep, lastStep } = this.view;
    this.view.show({ step: step >= lastStep ? undefined : Math.max(firstStep, step) });
  }

  #onKey(event: KeyboardEvent): void {
    const { view } = this;
    const step = view.shownStep;
    const every = view.info?.recordEvery ?? 1;
    const page = Math.max(every, Math.round((view.lastStep - view.firstStep) / 20));
    // To recorded steps: at all others there is nothing else to see.
    const moves: Record<string, () => void> = {
      ArrowLeft: () => this.#goTo((Math.ceil(step / every) - 1) * every),
      ArrowDown: () => this.#goTo((Math.ceil(step / every) - 1) * every),
      ArrowRight: () => this.#goTo((Math.floor(step / every) + 1) * every),
      ArrowUp: () => this.#goTo((Math.floor(step / every) + 1) * every),
      PageDown: () => this.#goTo(Math.floor((step - page) / every) * every),
      PageUp: () => this.#goTo(Math.floor((step + page) / every) * every),
      Home: () => this.#goTo(view.firstStep),
      End: () => view.show({ step: undefined }),
    };
    const move = moves[event.key];
    if (move === undefined || event.ctrlKey || event.metaKey || event.altKey) return;
    event.preventDefault();
    move();
  }

  override render() {
    return html`
      <section class="time" aria-label="History">
        <output for="step">step <strong></strong> <span class="muted"></span></output>
        <input
          id="step"
          type="range"
          aria-label="Step"
          step="1"
          min="0"
          max="0"
          @input=${(event: InputEvent) => this.#goTo(Number((event.target as HTMLInputElement).value))}
          @keydown=${this.#onKey}
        />
        <button aria-pressed="true" @click=${() => this.view.show({ step: undefined })}>Live</button>
      </section>
    `;
  }
}

customElements.define("grokbox-time", TimeBar);
