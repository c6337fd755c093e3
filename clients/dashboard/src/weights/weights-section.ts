import { html, nothing, type PropertyValues } from "lit";
import { count } from "../../../cli/numbers.ts";
import type { SessionView } from "../data/session-view.ts";
import { LightElement } from "../light-element.ts";
import "./accuracy-grid.ts";
import "./phase-scatter.ts";
import "./spectrum-heatmap.ts";
import { WeightsFeed } from "./weights-feed.ts";

/** What the weights are like at the step that is looked at, as near as there is a snapshot. */
class WeightsSection extends LightElement {
  static override properties = { view: { attribute: false } };
  declare view: SessionView;
  #feed: WeightsFeed | undefined;

  override connectedCallback(): void {
    super.connectedCallback();
    const feed = new WeightsFeed(this.view);
    this.#feed = feed;
    const observer = new IntersectionObserver(([entry]) => {
      feed.isVisible = entry!.isIntersecting;
    });
    observer.observe(this);
    this.until(() => observer.disconnect());
    this.until(feed.subscribe(() => this.requestUpdate()));
    this.until(this.view.subscribe(() => feed.look()));
    this.until(() => feed.stop());
  }

  override updated(changed: PropertyValues): void {
    super.updated(changed);
  }

  override render() {
    const feed = this.#feed!;
    const { state } = feed;
    return html`
      <section aria-labelledby="weights-title">
        <div class="section-head">
          <h2 id="weights-title">Weights</h2>
          <span class="muted">${this.#said()}</span>
        </div>
        <div class="weights">
          <grokbox-accuracy-grid .state=${state}></grokbox-accuracy-grid>
          <grokbox-spectrum .state=${state} .layer=${"theta"}></grokbox-spectrum>
          <grokbox-spectrum .state=${state} .layer=${"xi"}></grokbox-spectrum>
          <grokbox-phases .state=${state}></grokbox-phases>
        </div>
      </section>
      ${nothing}
    `;
  }

  #said(): string {
    const { state, problem } = this.#feed!;
    if (problem !== "") return problem;
    if (state === undefined) return "";
    const { step, width, spectrum } = state;
    const { pinnedStep, lastStep } = this.view;
    const some =
      spectrum.neurons.length < width ? `; ${count(spectrum.neurons.length)} of ${count(width)} neurons` : "";
    return `of step ${count(step)}${pinnedStep === undefined || pinnedStep >= lastStep ? "" : ", the newest snapshot at or before the step shown"}${some}`;
  }
}

customElements.define("grokbox-weights", WeightsSection);
