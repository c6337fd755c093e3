import { stageTableSteps } from "../catalogue/grokking.ts";
import { type Html, html } from "./html.ts";
import { measuredText, sign } from "./result-table.ts";
import type { View } from "./view.ts";

/** Of the published table. */
const columns = [
  ["trainAccuracy", "train"],
  ["testAccuracy", "test"],
  ["common", "common"],
  ["rare", "rare"],
  ["partner", "partner"],
  ["heldOut", "held out"],
  ["ipr", "IPR"],
  ["meanAbsSinMisalignment", "|sin D|"],
  ["parameterNorm", "norm"],
] as const;

export function grokking(view: View): Html {
  const skipped = view.absence("grokking");
  if (skipped !== undefined) return skipped;
  return html`<p>Train on three quarters of the pairs, with strong weight decay, and the network first learns its training pairs by heart and
understands only long afterwards. The pairs tell why: of ${view.number("grokking", "pairs", "train")} training pairs,
${view.number("grokking", "pairs", "common")} have their mirror image (<var>y</var>, <var>x</var>) in the training set too and
${view.number("grokking", "pairs", "rare")} do not. Of ${view.number("grokking", "pairs", "test")} test pairs,
${view.number("grokking", "pairs", "partner")} are mirror images of those, which the network, being symmetric, gets for nothing;
${view.number("grokking", "pairs", "held out")} are truly unseen.</p>
<p><strong>Memorization</strong>, to step ${view.number("grokking", "stages", "memorization ends at step")}: common pairs first, rare
ones after; test accuracy rises to the plateau of ${view.number("grokking", "pairs", "predicted plateau")} that symmetry alone predicts.
<strong>Generalization</strong>, to step ${view.number("grokking", "stages", "generalization ends at step")}: loss still drives
weights apart while decay prunes the frequencies that do not help. <strong>Cleanup</strong>: decay alone; what is left of the noise
goes.</p>
${view.figure("14", ["grokking", "stages", "memorization ends at step", "generalization ends at step"], ["grokking", "step 2200", "trainLoss", "testLoss"], ["grokking", "step 10000", "testLoss"], ["grokking", "step 49999", "testLoss"])}
${view.figure("15", ["grokking", "step 2201", "trainAccuracy", "testAccuracy", "partner", "heldOut"])}
${view.figure("16", ["grokking", "step 1", "common", "rare"], ["grokking", "step 1001", "common", "rare"], ["grokking", "step 2201", "common", "rare"])}
${view.figure("17", ["grokking", "step 1", "ipr"], ["grokking", "step 2201", "ipr", "IPR over coefficients"], ["grokking", "step 10001", "ipr", "IPR over coefficients"])}
<h3>The stages in numbers</h3>
<p>Rows of the published table: its checkpoint <var>s</var> is the state after <var>s</var> + 1 updates.</p>
${stageTable(view)}`;
}

function stageTable(view: View): Html {
  const cell = (step: number, measure: string) => {
    const result = view.result("grokking", `step ${step}`, measure);
    return html`<td class="number">${measuredText(result)}<br><small>${result.printed ?? "–"} ${sign(result)}</small></td>`;
  };
  return html`<div class="scroll" tabindex="0"><table><caption>Accuracies, and three measures of the weights; below each the published value, with ✓ when it is within its tolerance</caption>
<thead><tr><th scope="col" class="number">s</th>${columns.map(([, title]) => html`<th scope="col" class="number">${title}</th>`)}</tr></thead>
<tbody>${stageTableSteps.map(
    (step) =>
      html`<tr><th scope="row" class="number">${(step - 1).toLocaleString("en")}</th>${columns.map(([measure]) => cell(step, measure))}</tr>
`,
  )}</tbody></table></div>`;
}
