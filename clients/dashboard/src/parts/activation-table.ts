import type { ActivationScores } from "@grokbox/sdk";
import { html, nothing } from "lit";
import { count, measure, percent } from "../../../cli/numbers.ts";
import type { SessionView } from "../data/session-view.ts";
import { LightElement } from "../light-element.ts";

/** As people write them, in the paper's order. */
const names: Readonly<Record<string, string>> = {
  relu: "relu",
  gelu: "gelu",
  abs: "|x|",
  "x^2": "x²",
  "x^4": "x⁴",
  "x^8": "x⁸",
  softplus2: "log(1 + e²ˣ)",
  exp: "eˣ",
  identity: "x",
  "x^3": "x³",
};

/** A slider that is still for so long is where one wanted it. */
const settleMs = 300;

/** How the weights do under other activations, nothing retrained: computed when it is asked for. */
class ActivationTable extends LightElement {
  static override properties = { view: { attribute: false } };
  declare view: SessionView;
  #scores: readonly ActivationScores[] | undefined;
  #step = 0;
  #isAsking = false;
  #said = "";
  #pinnedStep: number | undefined;
  #isShown = false;
  #settling: ReturnType<typeof setTimeout> | undefined;

  override connectedCallback(): void {
    super.connectedCallback();
    this.#pinnedStep = this.view.pinnedStep;
    this.#follow();
    this.until(this.view.subscribe(() => this.#follow()));
    this.until(() => clearTimeout(this.#settling));
  }

  /** A link or the button opens it. The slider moves it as well; while a session trains, only who asks gets another one. */
  #follow(): void {
    const { link, pinnedStep } = this.view;
    const isMoved = pinnedStep !== this.#pinnedStep;
    this.#pinnedStep = pinnedStep;
    const { table: isShown = false } = link;
    if (isShown !== this.#isShown) {
      this.#isShown = isShown;
      clearTimeout(this.#settling);
      this.requestUpdate();
      if (isShown) void this.#ask();
    } else if (isShown && isMoved) this.#settle();
  }

  /** Asks once the slider has come to rest. */
  #settle(): void {
    clearTimeout(this.#settling);
    this.#settling = setTimeout(() => this.#ask(), settleMs);
  }

  toggle(): void {
    this.view.show({ table: this.view.link.table ? undefined : true });
  }

  async #ask(): Promise<void> {
    if (this.#isAsking) return;
    this.#isAsking = true;
    this.requestUpdate();
    const { view } = this;
    const { pinnedStep } = view;
    await view.box.attempt("Can't compute the activation table", async () => {
      const session = await view.session();
      const { lastStep, snapshots } = view;
      let at: number | undefined;
      if (pinnedStep !== undefined && pinnedStep < lastStep) {
        await snapshots.refresh();
        at = snapshots.at(pinnedStep);
      }
      this.#scores = await session.swapActivation(Object.keys(names), { evaluateOnly: true, at });
      this.#step = at ?? session.info.step;
      this.#said = at === undefined ? "" : ", the newest snapshot at or before the step shown";
    });
    this.#isAsking = false;
    this.requestUpdate();
    // The slider moved on, and who asked for that was turned away.
    if (this.isConnected && this.#isShown && view.pinnedStep !== pinnedStep) this.#settle();
  }

  override render() {
    const isShown = this.#isShown;
    return html`
      <div class="section-head">
        <h2>Other activations</h2>
        <span class="muted">the same weights, nothing retrained</span>
        <span class="tools">
          ${isShown ? html`<button aria-disabled=${this.#isAsking} @click=${() => this.#ask()}>Compute again</button>` : nothing}
          <button aria-expanded=${isShown} @click=${this.toggle}>Activation table</button>
        </span>
      </div>
      ${isShown ? this.#table() : nothing}
    `;
  }

  #table() {
    if (this.#scores === undefined)
      return this.#isAsking ? html`<p class="muted" role="status">Computing…</p>` : nothing;
    const pairs = this.view.info === undefined ? 0 : this.view.info.spec.modulus ** 2;
    return html`
      <table class="activations" aria-label="Activations">
        <thead>
          <tr>
            <th scope="col">Activation</th>
            <th scope="col">Accuracy</th>
            <th scope="col">Right</th>
            <th scope="col">Mean loss, nats</th>
          </tr>
        </thead>
        <tbody>
          ${this.#scores.map(
            ({ activation, accuracy, loss }) => html`
              <tr>
                <th scope="row">${names[activation] ?? activation}</th>
                <td>${percent(accuracy)}</td>
                <td>${count(Math.round(accuracy * pairs))} of ${count(pairs)}</td>
                <td>${loss === undefined ? "–" : measure(loss)}</td>
              </tr>
            `,
          )}
        </tbody>
      </table>
      <p class="note">Weights of step ${count(this.#step)}${this.#said}. Over all pairs; chance is ${percent(1 / Math.sqrt(pairs || 1))}.</p>
    `;
  }
}

customElements.define("grokbox-activations", ActivationTable);
