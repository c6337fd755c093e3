import type { Grokbox, SessionInfo } from "@grokbox/sdk";
import { html, nothing } from "lit";
import { guard } from "lit/directives/guard.js";
import { repeat } from "lit/directives/repeat.js";
import { count, percent, short } from "../../../cli/numbers.ts";
import type { Box } from "../data/box.ts";
import { canPause, canTrain, idOf, isTraining, runSession } from "../data/session-calls.ts";
import { frames } from "../draw/frames.ts";
import { LightElement } from "../light-element.ts";
import { formatLink } from "../link.ts";
import "../parts/preset-list.ts";
import "../parts/sparkline.ts";
import "../parts/sweep-table.ts";

const columns = ["Session", "State", "Step", "Steps/s", "Stage", "Train", "Test", "Loss"] as const;
const numbers: ReadonlySet<string> = new Set(["Step", "Steps/s", "Train", "Test"]);

/** How often the list is drawn while it comes in parts: all that is there by then, and not each part. */
const partsEveryMs = 250;

/** All sessions, live, and the start of new ones. */
class SessionsPage extends LightElement {
  static override properties = { box: { attribute: false } };
  declare box: Box;
  /** Names of the sessions of which a call is under way. */
  readonly #busy = new Set<string>();

  override connectedCallback(): void {
    super.connectedCallback();
    document.title = "Sessions · grokbox";
    const { sessions } = this.box;
    this.until(
      sessions.subscribe(() => frames.request(this.#follow, sessions.isComplete ? 0 : partsEveryMs)),
    );
    this.until(() => frames.cancel(this.#follow));
  }

  readonly #follow = (): void => this.requestUpdate();

  override render() {
    const { sessions } = this.box;
    const { all } = sessions;
    if (!sessions.isComplete && all.length === 0) return html`<h1>Sessions</h1>`;
    const isFirst = all.length === 0;
    const sweeps = html`<grokbox-sweeps .box=${this.box}></grokbox-sweeps>`;
    // The presets keep their place, and with it a seed that is being typed.
    return html`
      ${isFirst ? nothing : this.#table(all)} ${isFirst ? nothing : sweeps}
      <grokbox-presets .box=${this.box} .isFirst=${isFirst}></grokbox-presets>
      ${isFirst ? sweeps : nothing}
    `;
  }

  #table(all: readonly SessionInfo[]) {
    const training = all.filter(isTraining).length;
    return html`
      <div class="sessions-head">
        <h1>Sessions</h1>
        <span class="muted">${count(all.length)}, ${training === 0 ? "none" : count(training)} training</span>
      </div>
      <table class="sessions rows" role="table" aria-label="Sessions">
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
            (info) => {
              const rate = isTraining(info) ? this.box.sessions.rateOf(info.name) : undefined;
              const isBusy = this.#busy.has(info.name);
              // Of a thousand rows few have changed.
              return guard([info, rate, isBusy], () => this.#row(info, rate, isBusy));
            },
          )}
        </tbody>
      </table>
    `;
  }

  #row(info: SessionInfo, rate: number | undefined, isBusy: boolean) {
    const { name, state, step, labels, preset, stages, latest } = info;
    const id = idOf(name);
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
        <td role="cell" class="do">${this.#action(info, isBusy)}</td>
      </tr>
    `;
  }

  #action(info: SessionInfo, isBusy: boolean) {
    const { name } = info;
    const pauses = canPause(info);
    if (!pauses && !canTrain(info)) return nothing;
    const verb = pauses ? "Pause" : "Run";
    // One button for both, never disabled: it keeps the focus of who pauses and goes on by keyboard.
    return html`
      <button
        aria-label="${verb} ${idOf(name)}"
        aria-disabled=${isBusy}
        @click=${() => (pauses ? this.#pause(name) : this.#run(name))}
      >${verb}</button>
    `;
  }

  #pause(name: string): Promise<void> {
    return this.#call("pause", name, async (grokbox) => (await grokbox.session(name)).pause());
  }

  #run(name: string): Promise<void> {
    return this.#call("run", name, (grokbox) => runSession(grokbox, name));
  }

  /** One at a time of each session: a second click is meant for the first one's button. */
  async #call(verb: string, name: string, call: (grokbox: Grokbox) => Promise<SessionInfo>): Promise<void> {
    if (this.#busy.has(name)) return;
    this.#busy.add(name);
    this.requestUpdate();
    const info = await this.box.attempt(`Can't ${verb} ${idOf(name)}`, call);
    this.#busy.delete(name);
    this.requestUpdate();
    if (info !== undefined) this.box.sessions.put(info);
  }
}

function percentText(share: number | undefined): string {
  return share === undefined ? "–" : percent(share);
}

customElements.define("grokbox-sessions", SessionsPage);
