import { digitsOf, show } from "../number-text.ts";
import type { Result } from "../results.ts";
import { type Html, html } from "./html.ts";
import { inLetters, inWords } from "./words.ts";

export interface Line {
  readonly label: string;
  readonly result: Result;
}

/** Measured values beside the published ones. */
export function comparisonTable(caption: string, lines: readonly Line[]): Html {
  return html`<div class="scroll" tabindex="0"><table><caption>${caption}</caption>
<thead><tr><th scope="col">what</th><th scope="col" class="number">measured</th><th scope="col" class="number">published</th><th scope="col">within</th></tr></thead>
<tbody>${lines.map(
    ({ label, result }) =>
      html`<tr><th scope="row">${label}</th>${measuredCell(result)}${publishedCell(result)}<td>${mark(result)}</td></tr>
`,
  )}</tbody></table></div>`;
}

/** All of them, heading by heading. */
export function completeTable(results: readonly Result[]): Html {
  const sections = Map.groupBy(results, ({ section }) => section);
  return html`<div class="scroll" tabindex="0"><table><caption>Every published number, in the order of the sections</caption>
<thead><tr><th scope="col">of</th><th scope="col">where</th><th scope="col">what</th><th scope="col" class="number">measured</th><th scope="col" class="number">published</th><th scope="col">tolerance</th><th scope="col">within</th></tr></thead>
${[...sections].map(
  ([section, rows]) =>
    html`<tbody><tr><th scope="rowgroup" colspan="7"><strong>${section}</strong></th></tr>
${rows.map(
  (result) =>
    html`<tr><td>${result.of}</td><td>${inLetters(result.where)}</td><td>${inWords(result)}</td>${measuredCell(result)}${publishedCell(result)}<td>${toleranceOf(result)}</td><td>${mark(result)}</td></tr>
`,
)}</tbody>`,
)}</table></div>`;
}

/** Not by colour alone. */
export function mark({ pass, measured }: Result): Html {
  if (pass === true) return html`<span class="within">✓ yes</span>`;
  if (pass === false)
    return html`<span class="outside">✗ ${measured === null ? "not measured" : "NO"}</span>`;
  return html`<span aria-label="not compared">–</span>`;
}

/** The same where there is little room. */
export function sign({ pass }: Result): Html {
  if (pass === true) return html`<span class="within" role="img" aria-label="within">✓</span>`;
  if (pass === false) return html`<span class="outside" role="img" aria-label="outside">✗</span>`;
  return html``;
}

/** A digit more than the published number has, or all when they are few. */
export function measuredText({ measured, printed }: Result): string {
  if (measured === null) return "–";
  const shortest = String(measured);
  return shortest.length <= 7 ? shortest : show(measured, printed === null ? 4 : digitsOf(printed, 4));
}

function measuredCell(result: Result): Html {
  return html`<td class="number">${measuredText(result)}</td>`;
}

function publishedCell({ printed }: Result): Html {
  return html`<td class="number">${printed ?? "–"}</td>`;
}

function toleranceOf({ tolerance, because }: Result): string {
  return because === null || tolerance === "" ? tolerance : `${tolerance} (${because})`;
}
