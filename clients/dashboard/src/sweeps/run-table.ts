import type { SweepRun } from "@grokbox/sdk";
import { html, nothing } from "lit";
import { repeat } from "lit/directives/repeat.js";
import { count, measure, percent } from "../../../cli/numbers.ts";
import { idOf } from "../data/session-calls.ts";
import { LightElement } from "../light-element.ts";
import { formatLink } from "../link.ts";

/** Rows at first; more would be slow to lay out, and nobody reads them. */
const mostRows = 100;

const columns: readonly {
  readonly title: string;
  readonly text: (run: SweepRun) => string;
}[] = [
  { title: "Steps", text: ({ step }) => count(step) },
  { title: "Memorized", text: ({ memorizationEnd }) => stepText(memorizationEnd) },
  { title: "Generalized", text: ({ generalizationEnd }) => stepText(generalizationEnd) },
  { title: "Grokked", text: ({ grokkingStep }) => stepText(grokkingStep) },
  { title: "Loss", text: ({ final }) => (final === undefined ? "–" : measure(final.trainLoss)) },
  { title: "Test", text: ({ final }) => percentText(final?.testAccuracy) },
  { title: "Forecast", text: ({ forecastRight }) => percentText(forecastRight) },
];

/** The finished runs of one setting, a row a seed. */
class RunTable extends LightElement {
  static override properties = { runs: { attribute: false } };
  declare runs: readonly SweepRun[];
  #isAll = false;

  override render() {
    const sorted = this.runs.toSorted((a, b) => a.run - b.run);
    const shown = this.#isAll ? sorted : sorted.slice(0, mostRows);
    const left = sorted.length - shown.length;
    return html`
      <table class="sessions results" role="table" aria-label="Runs">
        <thead role="rowgroup">
          <tr role="row">
            <th role="columnheader" scope="col">Seed</th>
            <th role="columnheader" scope="col">Outcome</th>
            ${columns.map(({ title }) => html`<th role="columnheader" scope="col" class="number">${title}</th>`)}
            <th role="columnheader" scope="col">Session</th>
          </tr>
        </thead>
        <tbody role="rowgroup">
          ${repeat(
            shown,
            ({ run }) => run,
            (run) => this.#row(run),
          )}
        </tbody>
      </table>
      ${left === 0 ? nothing : html`<button @click=${this.#showAll}>Show ${count(left)} more</button>`}
    `;
  }

  readonly #showAll = (): void => {
    this.#isAll = true;
    this.requestUpdate();
  };

  #row(run: SweepRun) {
    const { seed, outcome, detail, session } = run;
    return html`
      <tr role="row">
        <td role="cell" class="wide" data-title="Seed"><span class="name">${seed}</span></td>
        <td role="cell" class="outcome" data-title="Outcome" title=${detail}>
          <span class="state" data-state=${outcome}>${outcomes[outcome]}</span>
          ${hasReason.has(outcome) ? html`<span class="muted">${detail}</span>` : nothing}
        </td>
        ${columns.map(({ title, text }) => html`<td role="cell" class="number" data-title=${title}>${text(run)}</td>`)}
        <td role="cell" data-title="Session">
          ${session === undefined ? "–" : html`<a href=${formatLink({ page: "session", id: idOf(session) })}>${idOf(session)}</a>`}
        </td>
      </tr>
    `;
  }
}

const outcomes: Readonly<Record<SweepRun["outcome"], string>> = {
  target: "last step",
  condition: "stopped early",
  diverged: "diverged",
  failed: "failed",
  invalid: "invalid",
  unknown: "unknown",
};

/** Those of which a person wants to know why. */
const hasReason: ReadonlySet<SweepRun["outcome"]> = new Set(["failed", "invalid"]);

const stepText = (step: number | undefined) => (step === undefined ? "–" : count(step));
const percentText = (share: number | undefined) => (share === undefined ? "–" : percent(share));

customElements.define("grokbox-sweep-runs", RunTable);
