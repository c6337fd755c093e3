import type { Sweep, SweepInfo } from "@grokbox/sdk";
import { html, nothing } from "lit";
import { repeat } from "lit/directives/repeat.js";
import { count, short } from "../../../cli/numbers.ts";
import { outcomesText, shareDone } from "../../../cli/sweep-counts.ts";
import type { Box } from "../data/box.ts";
import { timeLeft } from "../data/time-left.ts";
import { LightElement } from "../light-element.ts";
import { formatLink } from "../link.ts";

const columns = ["Sweep", "State", "Runs", "Progress", "Steps/s", "Left", "Outcomes"] as const;
const numbers: ReadonlySet<string> = new Set(["Runs", "Steps/s", "Left"]);

/** The newest sweeps; nothing where there are none. */
class SweepTable extends LightElement {
  static override properties = { box: { attribute: false } };
  declare box: Box;

  override connectedCallback(): void {
    super.connectedCallback();
    this.until(this.box.sweeps.subscribe(() => this.requestUpdate()));
    this.until(this.box.sweeps.look());
  }

  override render() {
    const { all } = this.box.sweeps;
    if (all.length === 0) return nothing;
    const running = all.filter(({ state }) => state === "running").length;
    return html`
      <div class="sessions-head sweeps-head">
        <h2>Sweeps</h2>
        <span class="muted">${count(all.length)}, ${running === 0 ? "none" : count(running)} running</span>
      </div>
      <table class="sessions rows" role="table" aria-label="Sweeps">
        <thead role="rowgroup">
          <tr role="row">
            ${columns.map(
              (name) =>
                html`<th role="columnheader" scope="col" class=${numbers.has(name) ? "number" : ""}>${name}</th>`,
            )}
            <th role="columnheader" scope="col"><span class="unseen">Actions</span></th>
          </tr>
        </thead>
        <tbody role="rowgroup">
          ${repeat(
            all,
            ({ name }) => name,
            (info) => this.#row(info),
          )}
        </tbody>
      </table>
    `;
  }

  #row(info: SweepInfo) {
    const { name, state, title, labels, done, runs, stepsPerSecond, secondsLeft } = info;
    const id = sweepIdOf(name);
    return html`
      <tr role="row">
        <td role="cell" class="wide">
          <span class="name">
            <a href=${formatLink({ page: "sweep", id })}>${title === "" ? id : title}</a>
            ${title === "" ? nothing : html`<span class="muted">${id}</span>`}
            ${Object.entries(labels).map(([key, value]) => html`<span class="chip">${key}=${value}</span>`)}
          </span>
        </td>
        <td role="cell"><span class="state" data-state=${state}>${state}</span></td>
        <td role="cell" class="number" data-title="Runs">${count(done)} of ${count(runs)}</td>
        <td role="cell" class="bar-cell">${progressBar(info, `Progress of ${id}`)}</td>
        <td role="cell" class="number" data-title="Steps/s">${stepsPerSecond === 0 ? "–" : short(stepsPerSecond)}</td>
        <td role="cell" class="number" data-title="Left">${timeLeft(secondsLeft) ?? "–"}</td>
        <td role="cell" class="outcomes">${outcomesText(info)}</td>
        <td role="cell" class="do">${this.#action(info)}</td>
      </tr>
    `;
  }

  #action({ name, state }: SweepInfo) {
    if (state !== "running" && state !== "paused") return nothing;
    const [verb, change] =
      state === "running" ? (["Pause", "pause"] as const) : (["Resume", "resume"] as const);
    // One button for both, which keeps the focus of who pauses and goes on by keyboard.
    return html`<button aria-label="${verb} ${sweepIdOf(name)}" @click=${() => this.#change(name, change)}>${verb}</button>`;
  }

  async #change(name: string, change: "pause" | "resume"): Promise<void> {
    const info = await this.box.attempt(`Can't ${change} ${sweepIdOf(name)}`, async (grokbox) => {
      const sweep: Sweep = await grokbox.openSweep(name);
      return sweep[change]();
    });
    if (info !== undefined) this.box.sweeps.put(info);
  }
}

/** The id of sweeps/{id}. */
export function sweepIdOf(name: string): string {
  return name.slice("sweeps/".length);
}

/** How much of all updates is done. */
export function progressBar(info: SweepInfo, label: string) {
  const share = shareDone(info);
  return html`<progress aria-label=${label} max="1" .value=${share} title=${`${Math.round(share * 100)}%`}></progress>`;
}

customElements.define("grokbox-sweeps", SweepTable);
