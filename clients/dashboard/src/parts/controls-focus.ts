import type { ReactiveController } from "lit";
import type { LightElement } from "../light-element.ts";

/**
 * Of an element whose controls come and go with what can be done: the focus of one that is gone passes to another. Else whoever uses a
 * keyboard would begin again at the top of the page.
 */
export class ControlsFocus implements ReactiveController {
  readonly #host: LightElement;
  readonly #heirs: readonly string[];
  #isHere = false;

  /** @param heirs - selectors; the first of which there is something gets the focus */
  constructor(host: LightElement, heirs: readonly string[]) {
    this.#host = host;
    this.#heirs = heirs;
    host.addController(this);
  }

  hostUpdate(): void {
    this.#isHere = this.#host.querySelector(".controls")?.contains(document.activeElement) ?? false;
  }

  hostUpdated(): void {
    if (!this.#isHere || this.#host.contains(document.activeElement)) return;
    for (const selector of this.#heirs) {
      const heir = this.#host.querySelector<HTMLElement>(selector);
      if (heir === null) continue;
      heir.focus({ preventScroll: true });
      return;
    }
  }
}
