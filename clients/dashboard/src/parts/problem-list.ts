import { html, nothing } from "lit";
import type { Problem, Problems } from "../data/problems.ts";
import { LightElement } from "../light-element.ts";

/** What failed, as the server said it, until it is dismissed. */
class ProblemList extends LightElement {
  static override properties = { problems: { attribute: false } };
  declare problems: Problems;

  override connectedCallback(): void {
    super.connectedCallback();
    this.until(this.problems.subscribe(() => this.requestUpdate()));
  }

  override render() {
    return html`<div class="problems" role="alert">${this.problems.shown.map((problem) => this.#problem(problem))}</div>`;
  }

  #problem(problem: Problem) {
    const { what, why, violations } = problem;
    // Of a single field the message says it all.
    const unsaid = violations.filter(({ description }) => !why.includes(description));
    const fields = unsaid.map(
      ({ field, description }) => html`<li><code>${field}</code> ${description}</li>`,
    );
    return html`
      <div class="problem">
        <div>
          <strong>${what}</strong>: ${why}
          ${fields.length === 0 ? nothing : html`<ul>${fields}</ul>`}
        </div>
        <button class="plain" aria-label="Dismiss: ${what}" @click=${() => this.problems.dismiss(problem)}>×</button>
      </div>
    `;
  }
}

customElements.define("grokbox-problems", ProblemList);
