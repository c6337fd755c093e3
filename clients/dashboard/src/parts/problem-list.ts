import { html, nothing } from "lit";
import { repeat } from "lit/directives/repeat.js";
import type { Problem, Problems } from "../data/problems.ts";
import { LightElement } from "../light-element.ts";

/** What failed, as the server said it, until it is dismissed. */
class ProblemList extends LightElement {
  static override properties = { problems: { attribute: false } };
  declare problems: Problems;
  /** Which of the buttons has the focus; -1 for none. */
  #focused = -1;

  override connectedCallback(): void {
    super.connectedCallback();
    this.until(this.problems.subscribe(() => this.requestUpdate()));
  }

  get #buttons(): Element[] {
    return [...this.querySelectorAll("button")];
  }

  override willUpdate(): void {
    this.#focused = this.#buttons.indexOf(document.activeElement!);
  }

  /** Who dismisses by keyboard is at the next one then, or back on the page. */
  override updated(): void {
    if (this.#focused < 0 || this.contains(document.activeElement)) return;
    const buttons = this.#buttons;
    const next = buttons[Math.min(this.#focused, buttons.length - 1)] ?? document.querySelector("main");
    (next as HTMLElement).focus({ preventScroll: true });
  }

  override render() {
    const problems = repeat(
      this.problems.shown,
      (problem) => problem,
      (problem) => this.#problem(problem),
    );
    return html`<div class="problems" role="alert">${problems}</div>`;
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
