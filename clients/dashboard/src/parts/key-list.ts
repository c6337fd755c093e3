import { html } from "lit";
import { LightElement } from "../light-element.ts";

const keys: readonly (readonly [keys: readonly string[], what: string])[] = [
  [["Space"], "run or pause"],
  [["←", "→"], "a recorded step back or forth, on the slider"],
  [["Page Up", "Page Down"], "a twentieth of the run, on the slider"],
  [["Home", "End"], "the first step, and back to now"],
  [["L"], "back to now"],
  [["+", "−"], "zoom in on the step shown, and out"],
  [["0"], "show all steps"],
  [["X"], "linear or logarithmic steps"],
  [["C"], "accuracy by class of pair"],
  [["A"], "activation table"],
  [["?"], "this list"],
];

/** What can be done from the keyboard. */
export class KeyList extends LightElement {
  open(): void {
    const dialog = this.querySelector("dialog")!;
    if (!dialog.open) dialog.showModal();
  }

  override render() {
    return html`
      <dialog aria-labelledby="keys-title">
        <h2 id="keys-title">Keys</h2>
        <dl class="keys">
          ${keys.map(([names, what]) => html`<dt>${names.map((name) => html`<kbd>${name}</kbd> `)}</dt><dd>${what}</dd>`)}
        </dl>
        <form method="dialog"><button>Close</button></form>
      </dialog>
    `;
  }
}

customElements.define("grokbox-keys", KeyList);
