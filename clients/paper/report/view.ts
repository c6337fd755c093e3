import { idOf, type Published } from "../published.ts";
import type { Result } from "../results.ts";
import type { RunName } from "../runs.ts";
import { type Html, html, Html as Markup } from "./html.ts";
import type { ReportData } from "./report-data.ts";
import { comparisonTable, measuredText } from "./result-table.ts";
import { withOwnIds } from "./svg-ids.ts";
import { inLetters, inWords } from "./words.ts";

/** Measures of one run or topic at one place. */
export type Numbers = readonly [of: Published["of"], where: string, ...measures: string[]];

/** What the sections of a report take their figures and numbers from. */
export class View {
  readonly data: ReportData;
  readonly #results: ReadonlyMap<string, Result>;

  constructor(data: ReportData) {
    this.data = data;
    this.#results = new Map(data.results.map((result) => [result.id, result]));
  }

  /** A measured number, in a sentence. */
  number(of: Published["of"], where: string, measure: string): Html {
    return html`<span class="measured">${measuredText(this.result(of, where, measure))}</span>`;
  }

  /** A share as a percentage, in a sentence. */
  percent(of: Published["of"], where: string, measure: string): Html {
    const { measured } = this.result(of, where, measure);
    return html`<span class="measured">${measured === null ? "–" : `${(100 * measured).toFixed(1)}%`}</span>`;
  }

  /** A figure with what to see in it and its numbers, or why it is not there. */
  figure(id: string, ...numbers: readonly Numbers[]): Html {
    const picture = this.data.pictures.find((one) => one.id === id);
    const missing = this.data.missing.find((one) => one.id === id);
    if (picture === undefined) {
      return missing === undefined
        ? html``
        : html`<p class="notice">Figure ${id}, ${missing.title}, is not here: ${missing.reason}.</p>`;
    }
    const { title, caption, svg } = picture;
    const label = `${title}. ${caption}`;
    const wide = widthOf(svg) > textWidth ? html` class="wide"` : "";
    return html`<figure id="figure-${id}"${wide}>
<div class="plot" role="img" aria-label="${label}" tabindex="0">${new Markup(withOwnIds(svg, `figure-${id}`))}</div>
<figcaption><b>${/^\d/.test(id) ? `Figure ${id}. ` : ""}${title}.</b> ${caption}</figcaption>
${numbers.length === 0 ? "" : this.table(`Measured beside published, figure ${id}`, ...numbers)}
</figure>
`;
  }

  /** Measured beside published, each said by what sets it apart; nothing when none of it was measured. */
  table(caption: string, ...numbers: readonly Numbers[]): Html {
    const places = new Set(numbers.map(([of]) => of)).size > 1 ? 0 : 1;
    const measures = new Set(numbers.flatMap(([, , ...names]) => names));
    const lines = numbers.flatMap(([of, where, ...names]) =>
      names.map((measure) => {
        const result = this.result(of, where, measure);
        const parts = [
          ...(numbers.length > 1 ? [inLetters([of, where][places]!)] : []),
          ...(measures.size > 1 || numbers.length === 1 ? [inWords(result)] : []),
        ];
        return { label: parts.join(": "), result };
      }),
    );
    return lines.some(({ result }) => result.measured !== null) ? comparisonTable(caption, lines) : html``;
  }

  /** Why a run is not there, for a section that lives on it. */
  absence(run: RunName): Html | undefined {
    const skipped = this.data.skipped.find((one) => one.run === run);
    return skipped && html`<p class="notice">The ${run} run was skipped: ${skipped.reason}.</p>`;
  }

  /** Fails for one that the catalogue doesn't have. */
  result(of: Published["of"], where: string, measure: string): Result {
    const id = idOf(of, where, measure);
    const result = this.#results.get(id);
    if (result === undefined) throw new Error(`the catalogue has no ${id}`);
    return result;
  }
}

/** Of the text beside which figures stand, pixels. */
const textWidth = 800;

function widthOf(svg: string): number {
  return Number(/<svg [^>]*\bwidth="([\d.]+)"/.exec(svg)?.[1] ?? 0);
}
