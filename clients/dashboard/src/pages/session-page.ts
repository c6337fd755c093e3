import { html, nothing, type PropertyValues } from "lit";
import { keyed } from "lit/directives/keyed.js";
import { count } from "../../../cli/numbers.ts";
import "../charts/progress-chart.ts";
import { panels } from "../charts/panels.ts";
import { copyText } from "../copy-text.ts";
import type { Box } from "../data/box.ts";
import { SessionView } from "../data/session-view.ts";
import { LightElement } from "../light-element.ts";
import { formatLink, type SessionLink } from "../link.ts";
import "../parts/activation-table.ts";
import "../parts/readouts.ts";
import "../parts/session-head.ts";
import "../parts/time-bar.ts";
import "../weights/weights-section.ts";
import { onSessionKey, zoomIn } from "../parts/session-keys.ts";

/** One session: everything that is measured of it, at the step that is looked at. */
class SessionPage extends LightElement {
  static override properties = { box: { attribute: false }, link: { attribute: false } };
  declare box: Box;
  declare link: SessionLink;
  #view: SessionView | undefined;
  /** What the last rendering was of: most of what changes is drawn, not rendered. */
  #rendered = "";
  /** Just now. */
  #copied = false;

  override willUpdate(changed: PropertyValues): void {
    if (!changed.has("link")) return;
    if (this.#view?.link.id === this.link.id) this.#view.follow(this.link);
    else this.#open();
  }

  override connectedCallback(): void {
    super.connectedCallback();
    const onKey = (event: KeyboardEvent) => this.#view && onSessionKey(event, this.#view, this);
    addEventListener("keydown", onKey);
    this.until(() => removeEventListener("keydown", onKey));
    this.until(() => this.#close());
  }

  #open(): void {
    this.#close();
    document.title = `${this.link.id} · grokbox`;
    const view = new SessionView(this.box, this.link);
    this.#view = view;
    view.subscribe(() => {
      const shown = JSON.stringify([view.link, view.info === undefined, view.isGone, view.info?.spec]);
      if (shown === this.#rendered) return;
      this.#rendered = shown;
      this.requestUpdate();
    });
    view.start();
  }

  #close(): void {
    this.#view?.stop();
    this.#view = undefined;
  }

  override render() {
    const view = this.#view;
    if (view === undefined) return nothing;
    if (view.isGone) return this.#gone(view);
    // Another session gets elements of its own: what they follow they are given once.
    return keyed(view, this.#session(view));
  }

  #session(view: SessionView) {
    const { linear = false, classes = false, zoom } = view.link;
    return html`
      <grokbox-session-head .view=${view}></grokbox-session-head>
      <grokbox-readouts .view=${view}></grokbox-readouts>
      <section aria-labelledby="progress-title">
        <div class="section-head">
          <h2 id="progress-title">Progress</h2>
          ${
            zoom === undefined
              ? html`<span class="muted by-mouse">drag over a panel to zoom, click to look back</span>`
              : html`<span class="muted">steps ${count(zoom.first)} to ${count(zoom.last)}</span>`
          }
          <span class="tools">
            <button @click=${() => zoomIn(view)}>Zoom in</button>
            ${zoom === undefined ? nothing : html`<button @click=${() => view.show({ zoom: undefined })}>All steps</button>`}
            ${
              view.info !== undefined && view.info.stages === undefined
                ? nothing
                : html`<button aria-pressed=${classes} @click=${() => view.show({ classes: classes ? undefined : true })}>Classes of pairs</button>`
            }
            <button aria-pressed=${linear} @click=${() => view.show({ linear: linear ? undefined : true })}>Linear axis</button>
            <button @click=${() => this.#copyLink()}>${this.#copied ? "Copied" : "Copy link"}</button>
          </span>
        </div>
        <div class="panels">
          ${panels.map((panel) => html`<grokbox-progress-chart .view=${view} .panel=${panel}></grokbox-progress-chart>`)}
        </div>
      </section>
      <grokbox-weights .view=${view}></grokbox-weights>
      <section aria-label="Other activations"><grokbox-activations .view=${view}></grokbox-activations></section>
      <grokbox-time .view=${view}></grokbox-time>
    `;
  }

  #gone(view: SessionView) {
    return html`
      <h1>${view.link.id}</h1>
      <p class="muted">
        ${view.wasThere ? "This session was deleted." : "There is no session of this name here."}
        <a href=${formatLink({ page: "sessions" })}>All sessions</a>
      </p>
    `;
  }

  async #copyLink(): Promise<void> {
    const { problems, announcer } = this.box;
    try {
      await copyText(location.href);
      this.#copied = true;
      announcer.say("The link was copied.");
      setTimeout(() => {
        this.#copied = false;
        this.requestUpdate();
      }, 2_000);
      this.requestUpdate();
    } catch (error) {
      problems.show("Can't copy the link", error);
    }
  }
}

customElements.define("grokbox-session", SessionPage);
