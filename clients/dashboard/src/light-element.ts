import { LitElement } from "lit";

/**
 * An element without a shadow: the page is one document with one stylesheet, in which labels and headings can name what is in another
 * element.
 */
export class LightElement extends LitElement {
  protected override createRenderRoot(): HTMLElement {
    return this;
  }

  readonly #release: (() => void)[] = [];

  /** Something to end when the element leaves the page; what it began in `connectedCallback`. */
  protected until(release: () => void): void {
    this.#release.push(release);
  }

  override disconnectedCallback(): void {
    super.disconnectedCallback();
    for (const release of this.#release.splice(0).reverse()) release();
  }
}
