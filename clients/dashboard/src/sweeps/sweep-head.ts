import type { SweepInfo } from "@grokbox/sdk";
import { html, nothing } from "lit";
import { count, plural, short } from "../../../cli/numbers.ts";
import { outcomesText } from "../../../cli/sweep-counts.ts";
import { parameterLabel } from "../../../figures/sweeps/labels.ts";
import { idOf } from "../data/session-calls.ts";
import type { SweepView } from "../data/sweep-view.ts";
import { timeLeft } from "../data/time-left.ts";
import { LightElement } from "../light-element.ts";
import { formatLink } from "../link.ts";
import { ControlsFocus } from "../parts/controls-focus.ts";
import { progressBar, sweepIdOf } from "../parts/sweep-table.ts";

/** What a sweep is and how it goes, and what makes it do something else. */
class SweepHead extends LightElement {
  static override properties = { view: { attribute: false }, info: { attribute: false } };
  declare view: SweepView;
  declare info: SweepInfo;
  /** It was asked to cancel, and is to be sure of it. */
  #isSure = true;

  constructor() {
    super();
    new ControlsFocus(this, ["[data-do=cancel]", "[data-do=ask]", "h1"]);
  }

  override render() {
    const { info } = this;
    const { name, title, labels, state, runs, groups, untilStep, stepsPerSecond, secondsLeft, done } = info;
    const id = sweepIdOf(name);
    const seeds = runs / groups;
    const left = timeLeft(secondsLeft);
    return html`
      <header class="head">
        <div>
          <div class="title">
            <h1 tabindex="-1">${title === "" ? id : title}</h1>
            ${title === "" ? nothing : html`<span class="muted">${id}</span>`}
            <span class="state" data-state=${state}>${state}</span>
            <span class="muted rate">
              ${stepsPerSecond === 0 ? nothing : html`${short(stepsPerSecond)} steps/s`}
              ${left === undefined ? nothing : html`· ${left} left`}
            </span>
          </div>
        </div>
        <div class="controls">${this.#controls(info)}</div>
        <div class="all">
          <div class="facts">
            <span>${groups === 1 ? "one setting" : plural(groups, "setting")}, ${plural(seeds, "seed")}${groups === 1 ? "" : " each"}</span>
            <span>up to step ${count(untilStep)}</span>
            <span class="labels">${Object.entries(labels).map(([key, value]) => html`<span class="chip">${key}=${value}</span>`)}</span>
          </div>
          <div class="done">
            ${progressBar(info, "Progress of the sweep")}
            <span data-done=${done}>${count(done)} of ${plural(runs, "run")}${done === 0 ? "" : `: ${outcomesText(info)}`}</span>
          </div>
          ${this.#training(info)} ${this.#warnings(info)}
        </div>
      </header>
    `;
  }

  #controls({ state }: SweepInfo) {
    if (state !== "running" && state !== "paused") return nothing;
    if (!this.#isSure) {
      return html`
        <span class="muted">Runs under way are dropped.</span>
        <button data-do="cancel" @click=${this.#cancel}>Cancel it for good</button>
        <button @click=${() => this.#sure(true)}>Keep it</button>
      `;
    }
    const [verb, change] =
      state === "running" ? (["Pause", "pause"] as const) : (["Resume", "resume"] as const);
    return html`
      <button
        class="main"
        data-do="toggle"
        @click=${() => this.view.change(`Can't ${change} the sweep`, (sweep) => sweep[change]())}
      >${verb}</button>
      <button data-do="ask" @click=${() => this.#sure(false)}>Cancel</button>
    `;
  }

  readonly #cancel = (): void => {
    this.#sure(true);
    void this.view.change("Can't cancel the sweep", (sweep) => sweep.cancel());
  };

  #sure(isSure: boolean): void {
    this.#isSure = isSure;
    this.requestUpdate();
  }

  #training({ sessions, state }: SweepInfo) {
    if (sessions.length === 0) return nothing;
    return html`
      <p class="muted under-way">
        ${state === "running" ? "Training" : "Under way"}:
        ${sessions.map((name) => html`<a href=${formatLink({ page: "session", id: idOf(name) })}>${idOf(name)}</a> `)}
      </p>
    `;
  }

  #warnings({ waitsFor, invalidGroups, invalidValues = [], groups, definition }: SweepInfo) {
    return html`
      ${waitsFor === "" ? nothing : html`<p class="alarm">It waits: ${waitsFor}</p>`}
      ${
        invalidGroups === 0
          ? nothing
          : html`
            <p>${count(invalidGroups)} of ${plural(groups, "setting")} can't be trained:</p>
            <ul class="invalid">
              ${invalidValues.map(({ field, description }) => html`<li><code>${wordsOf(field, definition?.axes ?? [])}</code> ${description}</li>`)}
            </ul>
          `
      }
    `;
  }
}

/** The parameter of a swept value, or else where in the request it was. */
function wordsOf(field: string, axes: readonly { readonly parameter: string }[]): string {
  const [, axis] = /^definition\.grid\.axes\[(\d+)\]/.exec(field) ?? [];
  const parameter = axes[Number(axis)]?.parameter;
  return parameter === undefined ? field.replace(/^definition\./, "") : parameterLabel(parameter);
}

customElements.define("grokbox-sweep-head", SweepHead);
