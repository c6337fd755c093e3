import type { SessionInfo } from "@grokbox/sdk";
import { html, nothing } from "lit";
import { repeat } from "lit/directives/repeat.js";
import { count, percent, short } from "../../../cli/numbers.ts";
import type { Box } from "../data/box.ts";
import { idOf, isTraining, runSession } from "../data/session-calls.ts";
import { LightElement } from "../light-element.ts";
import { formatLink } from "../link.ts";
import "../parts/preset-list.ts";
import "../parts/sparkline.ts";
import "../parts/sweep-table.ts";

const columns = ["Session", "State", "Step", "Steps/s", "Stage", "Train", "Test", "Loss"] as const;
const numbers: ReadonlySet<string> = new Set(["Step", "Steps/s", "Train", "Test"]);

/** All sessions, live, and the start of new ones. */
class SessionsPage extends LightElement {
  static override properties = { box: { attribute: false } };
  declare box: Box;

  override connectedCallback(): void {
    super.connectedCallback();
    document.title = "Sessions · grokbox";
    this.until(this.box.sessions.subscribe(() => this.requestUpdate()));
  }

  override render() {
    const { sessions } = this.box;
    const { all } = sessions;
    if (!sessions.isComplete && all.length === 0) return html`<h1>Sessions</h1>`;
    const sweeps = html`<grokbox-sweeps .box=${this.box}></grokbox-sweeps>`;
    if (all.length === 0)
      return html`<grokbox-presets .box=${this.box} .isFirst=${true}></grokbox-presets>${sweeps}`;
    const training = all.filter(isTraining).length;
    return html`
      <div class="sessions-head">
        <h1>Sessions</h1>
        <span class="muted">${count(all.length)}, ${training === 0 ? "none" : count(training)} training</span>
      </div>
      <table class="sessions" role="table" aria-label="Sessions">
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
      ${sweeps}
      <grokbox-presets .box=${this.box}></grokbox-presets>
    `;
  }

  #row(info: SessionInfo) {
    const { name, state, step, labels, preset, stages, latest } = info;
    const id = idOf(name);
    const rate = isTraining(info) ? this.box.sessions.rateOf(name) : undefined;
    return html`
      <tr role="row">
        <td role="cell" class="wide">
          <span class="name">
            <a href=${formatLink({ page: "session", id })}>${id}</a>
            <span class="muted">${preset}</span>
            ${Object.entries(labels).map(([key, value]) => html`<span class="chip">${key}=${value}</span>`)}
          </span>
        </td>
        <td role="cell"><span class="state" data-state=${state}>${state}</span></td>
        <td role="cell" class="number" data-title="Step">${count(step)}</td>
        <td role="cell" class="number" data-title="Steps/s">${rate === undefined ? "–" : short(rate)}</td>
        <td role="cell" data-title="Stage">${stages?.current ?? "–"}</td>
        <td role="cell" class="number" data-title="Train accuracy">${percentText(latest?.trainAccuracy)}</td>
        <td role="cell" class="number" data-title="Test accuracy">${percentText(latest?.testAccuracy)}</td>
        <td role="cell" class="line"><grokbox-sparkline .box=${this.box} .session=${name}></grokbox-sparkline></td>
        <td role="cell" class="do">${this.#action(info)}</td>
      </tr>
    `;
  }

  #action(info: SessionInfo) {
    const { name, state } = info;
    const id = idOf(name);
    if (state === "running") {
      return html`<button aria-label="Pause ${id}" @click=${() => this.#pause(name)}>Pause</button>`;
    }
    if (state === "stepping") return nothing;
    return html`<button aria-label="Run ${id}" @click=${() => this.#run(name)}>Run</button>`;
  }

  async #pause(name: string): Promise<void> {
    const info = await this.box.attempt(`Can't pause ${idOf(name)}`, async (grokbox) =>
      (await grokbox.session(name)).pause(),
    );
    if (info !== undefined) this.box.sessions.put(info);
  }

  async #run(name: string): Promise<void> {
    const info = await this.box.attempt(`Can't run ${idOf(name)}`, async (grokbox) =>
      runSession(grokbox, name),
    );
    if (info !== undefined) this.box.sessions.put(info);
  }
}

function percentText(share: number | undefined): string {
  return share === undefined ? "–" : percent(share);
}

customElements.define("grokbox-sessions", SessionsPage);
