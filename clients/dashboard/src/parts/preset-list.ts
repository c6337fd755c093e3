import type { PresetInfo, ServerInfo } from "@grokbox/sdk";
import { html, nothing } from "lit";
import { repeat } from "lit/directives/repeat.js";
import { count } from "../../../cli/numbers.ts";
import type { Box } from "../data/box.ts";
import { idOf, startPreset } from "../data/session-calls.ts";
import { LightElement } from "../light-element.ts";
import { formatLink } from "../link.ts";

/** The one to begin with. */
const hero = "grokking";

/** The published runs, each a button that starts it. */
class PresetList extends LightElement {
  static override properties = { box: { attribute: false }, isFirst: { attribute: false } };
  declare box: Box;
  /** There is no session yet, and this is all of the page. */
  declare isFirst: boolean;
  #starting = false;

  override connectedCallback(): void {
    super.connectedCallback();
    this.until(this.box.server.subscribe(() => this.requestUpdate()));
  }

  async #start(server: ServerInfo, preset: PresetInfo): Promise<void> {
    if (this.#starting) return;
    // Of a text that is no number the field has no value, as if it were left empty.
    const input = this.querySelector("input")!;
    if (!input.reportValidity()) return;
    const seed = input.value === "" ? undefined : Number(input.value);
    this.#starting = true;
    this.requestUpdate();
    const session = await this.box.attempt(`Can't start ${preset.name}`, (grokbox) =>
      startPreset(grokbox, server, preset, seed),
    );
    this.#starting = false;
    this.requestUpdate();
    if (session === undefined) return;
    this.box.sessions.put(session.info);
    location.hash = formatLink({ page: "session", id: idOf(session.name) });
  }

  override render() {
    const server = this.box.server.info;
    if (server === undefined) return nothing;
    return html`
      <section class="start ${this.isFirst ? "" : "small"}" aria-labelledby="start-title">
        ${
          this.isFirst
            ? html`
              <h1 id="start-title">Watch a network grok</h1>
              <p class="lead">
                It learns addition modulo 23: first by heart, then, long after, by understanding. This takes it about a minute. You can
                stop it at any step, and look back at all of them.
              </p>
            `
            : html`<h2 id="start-title">New session</h2>`
        }
        ${repeat(
          // Put the other way round, the list is what moves: the field keeps its focus and its text.
          this.isFirst ? (["presets", "seed"] as const) : (["seed", "presets"] as const),
          (part) => part,
          (part) => (part === "seed" ? this.#seedField() : this.#presets(server)),
        )}
      </section>
    `;
  }

  #presets(server: ServerInfo) {
    const sorted = server.presets.toSorted((a, b) => Number(b.name === hero) - Number(a.name === hero));
    return html`
      <ul class="presets">
        ${sorted.map((preset) => this.#preset(server, preset))}
      </ul>
    `;
  }

  #preset(server: ServerInfo, preset: PresetInfo) {
    const { name, description, steps } = preset;
    const isHero = this.isFirst && name === hero;
    return html`
      <li class=${isHero ? "hero" : ""}>
        <div>
          <div>${description}</div>
          <div class="muted">${count(steps)} steps</div>
        </div>
        <button
          class=${isHero ? "main" : ""}
          aria-disabled=${this.#starting}
          @click=${() => this.#start(server, preset)}
        >Start ${name}</button>
      </li>
    `;
  }

  #seedField() {
    return html`
      <div class="seed">
        <label class="field">
          Seed
          <input type="number" min="0" max="4294967295" step="1" placeholder="42" />
        </label>
        <span class="muted">The runs of the paper; seed 42 is theirs, number for number.</span>
      </div>
    `;
  }
}

customElements.define("grokbox-presets", PresetList);
