import { html } from "lit";
import type { Announcer } from "../data/announcer.ts";
import { LightElement } from "../light-element.ts";

/** Reads out what there is to say, when whoever listens has time. */
class Announcements extends LightElement {
  static override properties = { announcer: { attribute: false } };
  declare announcer: Announcer;

  override connectedCallback(): void {
    super.connectedCallback();
    this.until(this.announcer.subscribe(() => this.requestUpdate()));
  }

  override render() {
    return html`<div class="unseen" role="status" aria-live="polite">${this.announcer.text}</div>`;
  }
}

customElements.define("grokbox-announcements", Announcements);
