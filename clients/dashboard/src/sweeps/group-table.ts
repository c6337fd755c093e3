import { html, nothing } from "lit";
import { repeat } from "lit/directives/repeat.js";
import { count, measure, percent } from "../../../cli/numbers.ts";
import { median, type SweepGroup, type SweepGroups } from "../../../cli/sweep-groups.ts";
import { parameterLabel } from "../../../figures/sweeps/labels.ts";
import type { SweepView } from "../data/sweep-view.ts";
import { LightElement } from "../light-element.ts";
import { formatLink } from "../link.ts";
import { sweepIdOf } from "../parts/sweep-table.ts";

/** Rows at first; more would be slow to lay out, and nobody reads them. */
const mostRows = 100;

const titles = ["Runs", "Grokked", "At step", "Memorized at", "Loss", "Test", "Forecast"] as const;

/** The settings of a sweep, with medians over their seeds; each leads to its runs. */
class GroupTable extends LightElement {
  static override properties = {
    view: { attribute: false },
    groups: { attribute: false },
    done: {},
    chosen: {},
  };
  declare view: SweepView;
  declare groups: SweepGroups;
  /** Runs that have finished: what `groups` has changes with it. */
  declare done: number;
  /** The group that is looked at. */
  declare chosen: number | undefined;
  #isAll = false;

  override render() {
    const { all } = this.groups;
    const shown = this.#isAll ? all : all.slice(0, mostRows);
    const left = all.length - shown.length;
    return html`
      <table class="sessions results" role="table" aria-label="Settings">
        <thead role="rowgroup">
          <tr role="row">
            <th role="columnheader" scope="col">${this.#parameters}</th>
            ${titles.map((title) => html`<th role="columnheader" scope="col" class="number">${title}</th>`)}
          </tr>
        </thead>
        <tbody role="rowgroup">
          ${repeat(
            shown,
            ({ group }) => group,
            (group) => this.#row(group),
          )}
        </tbody>
      </table>
      ${left === 0 ? nothing : html`<button @click=${this.#showAll}>Show ${count(left)} more</button>`}
    `;
  }

  get #parameters(): string {
    const { axes } = this.groups;
    return axes.length === 0 ? "spec" : axes.map(parameterLabel).join(", ");
  }

  readonly #showAll = (): void => {
    this.#isAll = true;
    this.requestUpdate();
  };

  #row(row: SweepGroup) {
    const { group, done, bad, grokked, memorized, trainLoss, testAccuracy, forecast } = row;
    const { view, groups, chosen } = this;
    const step = (steps: readonly number[]) => (steps.length === 0 ? "–" : count(median(steps)));
    const share = (shares: readonly number[]) => (shares.length === 0 ? "–" : percent(median(shares)));
    const cells: readonly string[] = [
      `${count(done)} of ${count(groups.seeds)}${bad === 0 ? "" : `, ${count(bad)} bad`}`,
      `${count(grokked.length)} of ${count(done)}`,
      step(grokked),
      step(memorized),
      trainLoss.length === 0 ? "–" : measure(median(trainLoss)),
      share(testAccuracy),
      share(forecast),
    ];
    const link = formatLink({ page: "sweep", id: sweepIdOf(view.name), group });
    return html`
      <tr role="row" class=${chosen === group ? "chosen" : ""}>
        <td role="cell" class="wide" data-title=${this.#parameters}>
          <span class="name">
            <a
              href=${link}
              aria-current=${chosen === group ? "true" : nothing}
              @click=${(event: Event) => {
                event.preventDefault();
                view.show(group);
              }}
            >${settingText(row, groups)}</a>
          </span>
        </td>
        ${cells.map((text, i) => html`<td role="cell" class="number" data-title=${titles[i]!}>${text}</td>`)}
      </tr>
    `;
  }
}

/** The values that make a group, in the order of the axes. */
function settingText({ group, coordinates }: SweepGroup, { axes, seeds }: SweepGroups): string {
  if (axes.length === 0) return seeds > 1 && group === 0 ? "all seeds" : `spec ${group}`;
  return axes.map((axis) => String(coordinates[axis] ?? "")).join(", ");
}

customElements.define("grokbox-sweep-groups", GroupTable);
