import type { Live } from "@grokbox/sdk/live";
import { html, nothing } from "lit";
import { LightElement } from "../light-element.ts";

/** A first connection is made in less; a banner that only flashes tells nothing. */
const patienceMs = 800;

/** Says that the server is being waited for. What was heard of it stays in sight meanwhile. */
class ConnectionBanner extends LightElement {
  static override properties = { live: { attribute: false } };
  declare live: Live;
  #isLost = false;
  #patience: ReturnType<typeof setTimeout> | undefined;

  override connectedCallback(): void {
    super.connectedCallback();
    const follow = () => {
      clearTimeout(this.#patience);
      if (this.live.state === "open") this.#show(false);
      else this.#patience = setTimeout(() => this.#show(true), patienceMs);
    };
    this.until(this.live.onState(follow));
    this.until(() => clearTimeout(this.#patience));
    follow();
  }

  #show(isLost: boolean): void {
    this.#isLost = isLost;
    this.requestUpdate();
  }

  override render() {
    const text = html`Reconnecting<span class="more"> to the server; the page goes on where it was</span>…`;
    return html`<div role="status">${this.#isLost ? html`<p class="banner">${text}</p>` : nothing}</div>`;
  }
}

customElements.define("grokbox-connection", ConnectionBanner);
