import { html } from "lit";
import { Box } from "./data/box.ts";
import { theme } from "./data/theme.ts";
import { LightElement } from "./light-element.ts";
import { type Link, parseLink } from "./link.ts";
import "./pages/sessions-page.ts";
import "./parts/announcements.ts";
import "./parts/connection-banner.ts";
import "./parts/key-list.ts";
import type { KeyList } from "./parts/key-list.ts";
import "./parts/problem-list.ts";

/** The page: what stands around its parts, and which of them is shown. */
class App extends LightElement {
  readonly #box = new Box(location.origin);
  #link: Link = parseLink(location.hash);
  /** Ends waiting for the connection to load a part that could not be loaded without. */
  #stopWaiting: (() => void) | undefined;

  constructor() {
    super();
    // What index.html shows until here.
    this.replaceChildren();
    this.#load();
  }

  /** The parts of the page that not everybody needs. */
  async #load(): Promise<void> {
    try {
      if (this.#link.page === "session") await import("./pages/session-page.ts");
      if (this.#link.page === "sweep") await import("./pages/sweep-page.ts");
    } catch {
      if (this.#box.live.state !== "open") {
        this.#loadOnceOpen();
        return;
      }
      const why = "the server has another version of it by now; load the page again";
      this.#box.problems.show("Can't open a part of the page", why);
    }
  }

  /** That the connection is lost is said elsewhere. */
  #loadOnceOpen(): void {
    this.#stopWaiting?.();
    this.#stopWaiting = this.#box.live.onState((state) => {
      if (state !== "open") return;
      this.#stopWaiting?.();
      void this.#load();
    });
  }

  override connectedCallback(): void {
    super.connectedCallback();
    addEventListener("hashchange", this.#onHash);
    addEventListener("keydown", this.#onKey);
    this.until(() => removeEventListener("hashchange", this.#onHash));
    this.until(() => removeEventListener("keydown", this.#onKey));
    this.until(() => this.#stopWaiting?.());
    this.until(theme.subscribe(() => this.requestUpdate()));
  }

  readonly #onHash = (): void => {
    // A skip link's, not a page's.
    if (location.hash === "#main") return;
    const before = this.#link;
    this.#link = parseLink(location.hash);
    this.#load();
    this.requestUpdate();
    const isSame =
      before.page === this.#link.page &&
      (before as { id?: string }).id === (this.#link as { id?: string }).id;
    if (!isSame) {
      scrollTo(0, 0);
      this.querySelector<HTMLElement>("main")?.focus({ preventScroll: true });
    }
  };

  readonly #onKey = (event: KeyboardEvent): void => {
    if (event.key === "?" && !isField(event.target)) this.querySelector<KeyList>("grokbox-keys")!.open();
  };

  #skip(event: Event): void {
    event.preventDefault();
    this.querySelector<HTMLElement>("main")!.focus();
  }

  #content(link: Link) {
    switch (link.page) {
      case "session":
        return html`<grokbox-session .box=${this.#box} .link=${link}></grokbox-session>`;
      case "sweep":
        return html`<grokbox-sweep .box=${this.#box} .link=${link}></grokbox-sweep>`;
      case "sessions":
        return html`<grokbox-sessions .box=${this.#box}></grokbox-sessions>`;
    }
  }

  override render() {
    const link = this.#link;
    return html`
      <a class="skip" href="#main" @click=${this.#skip}>Skip to the content</a>
      <header class="bar">
        <a class="brand" href="#/">grokbox</a>
        <grokbox-connection .live=${this.#box.live}></grokbox-connection>
        <button class="plain" @click=${() => this.querySelector<KeyList>("grokbox-keys")!.open()}>Keys</button>
        <button class="plain" @click=${() => theme.next()}>Theme: ${theme.chosen}</button>
      </header>
      <main class="page" id="main" tabindex="-1">
        ${this.#content(link)}
      </main>
      <grokbox-problems .problems=${this.#box.problems}></grokbox-problems>
      <grokbox-announcements .announcer=${this.#box.announcer}></grokbox-announcements>
      <grokbox-keys></grokbox-keys>
    `;
  }
}

/** Where a key types something. */
export function isField(target: EventTarget | null): boolean {
  return (
    target instanceof HTMLElement &&
    target.matches("input:not([type=range]), textarea, select, [contenteditable]")
  );
}

customElements.define("grokbox-app", App);
