import { html, nothing, type PropertyValues } from "lit";
import { keyed } from "lit/directives/keyed.js";
import { count } from "../../../cli/numbers.ts";
import type { SweepGroups } from "../../../cli/sweep-groups.ts";
import { groupLabel } from "../../../figures/sweeps/labels.ts";
import { type StagePanel, stagePanels } from "../../../figures/sweeps/stage-spreads.ts";
import type { Box } from "../data/box.ts";
import { SweepView } from "../data/sweep-view.ts";
import { frames } from "../draw/frames.ts";
import { LightElement } from "../light-element.ts";
import { formatLink, type SweepLink } from "../link.ts";
import "../sweeps/band-chart.ts";
import { bandPanels } from "../sweeps/band-panels.ts";
import "../sweeps/group-table.ts";
import "../sweeps/run-table.ts";
import "../sweeps/stage-times.ts";
import "../sweeps/sweep-head.ts";

/** Tables and figures follow runs that finish as often; more often nobody reads. */
const renderEveryMs = 500;

/** One sweep: how it goes, what its runs came to, and how that is spread. */
class SweepPage extends LightElement {
  static override properties = { box: { attribute: false }, link: { attribute: false } };
  declare box: Box;
  declare link: SweepLink;
  #view: SweepView | undefined;
  #stages: { readonly runs: number; readonly panels: readonly StagePanel[] } = { runs: -1, panels: [] };
  /** What a person waits for is shown at once. */
  #shown = "";

  override willUpdate(changed: PropertyValues): void {
    if (!changed.has("link")) return;
    if (this.#view?.link.id === this.link.id) this.#view.follow(this.link);
    else this.#open();
  }

  override connectedCallback(): void {
    super.connectedCallback();
    this.until(() => this.#close());
  }

  #open(): void {
    this.#close();
    document.title = `Sweep ${this.link.id} · grokbox`;
    const view = new SweepView(this.box, this.link);
    this.#view = view;
    this.#stages = { runs: -1, panels: [] };
    view.subscribe(() => {
      const shown = [view.info?.state, view.isGone, view.group, view.bands === undefined].join();
      frames.request(this.#follow, shown === this.#shown ? renderEveryMs : 0);
      this.#shown = shown;
    });
    view.start();
  }

  readonly #follow = (): void => this.requestUpdate();

  #close(): void {
    this.#view?.stop();
    this.#view = undefined;
    frames.cancel(this.#follow);
  }

  override render() {
    const view = this.#view;
    if (view === undefined) return nothing;
    if (view.isGone) return this.#gone(view);
    const { info, groups } = view;
    if (info === undefined || groups === undefined)
      return html`<header class="head"><h1>${view.link.id}</h1></header>`;
    return keyed(
      view,
      html`
        <grokbox-sweep-head .view=${view} .info=${info}></grokbox-sweep-head>
        ${view.runs.length === 0 ? nothing : this.#results(view, groups)}
      `,
    );
  }

  #results(view: SweepView, groups: SweepGroups) {
    const { group, runs } = view;
    const panels = this.#panels(view).filter(({ times }) => times.length > 0);
    return html`
      <section aria-labelledby="settings-title">
        <div class="section-head">
          <h2 id="settings-title">Settings</h2>
          <span class="muted">medians over seeds; choose one to see its runs</span>
        </div>
        <grokbox-sweep-groups .view=${view} .groups=${groups} .done=${runs.length} .chosen=${group}></grokbox-sweep-groups>
      </section>
      ${
        panels.length === 0
          ? nothing
          : html`
            <section aria-labelledby="stages-title">
              <div class="section-head">
                <h2 id="stages-title">Stage times</h2>
                <span class="muted">of all finished runs; boxes are their middle half, lines medians</span>
              </div>
              <div class="panels stage-times">
                ${panels.map((panel) => html`<grokbox-stage-times .panel=${panel}></grokbox-stage-times>`)}
              </div>
            </section>
          `
      }
      ${group !== undefined && group >= view.info!.groups ? this.#noGroup(group) : this.#group(view, groups)}
    `;
  }

  #noGroup(group: number) {
    return html`
      <p class="section-head muted">There is no setting ${count(group)} in this sweep. Choose one above to see its runs.</p>
    `;
  }

  /** Progress and runs of the one that is looked at. */
  #group({ group, runs, bands, info }: SweepView, groups: SweepGroups) {
    const chosen = group === undefined ? undefined : groups.get(group);
    const name =
      chosen === undefined || info!.groups === 1 ? "" : groupLabel(chosen.group, chosen.coordinates);
    return html`
      <section aria-labelledby="bands-title">
        <div class="section-head">
          <h2 id="bands-title">Progress</h2>
          <span class="muted">${name === "" ? "" : `of ${name}: `}medians over seeds, and the middle half of the runs</span>
        </div>
        <div class="panels">
          ${bandPanels.map((panel) => html`<grokbox-band-chart .bands=${bands} .panel=${panel}></grokbox-band-chart>`)}
        </div>
      </section>
      <section aria-labelledby="runs-title">
        <div class="section-head">
          <h2 id="runs-title">Runs</h2>
          <span class="muted">${name === "" ? "" : `of ${name}`}</span>
        </div>
        ${keyed(
          group,
          html`<grokbox-sweep-runs .runs=${runs.filter((run) => run.group === group)}></grokbox-sweep-runs>`,
        )}
      </section>
    `;
  }

  /** Sorting the times of many runs takes a while. */
  #panels({ info, runs }: SweepView): readonly StagePanel[] {
    if (this.#stages.runs !== runs.length)
      this.#stages = { runs: runs.length, panels: stagePanels(info!, runs) };
    return this.#stages.panels;
  }

  #gone(view: SweepView) {
    return html`
      <h1>${view.link.id}</h1>
      <p class="muted">
        ${view.info === undefined ? "There is no sweep of this name here." : "This sweep was deleted."}
        <a href=${formatLink({ page: "sessions" })}>All sessions and sweeps</a>
      </p>
    `;
  }
}

customElements.define("grokbox-sweep", SweepPage);
