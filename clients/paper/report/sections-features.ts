import { type Html, html } from "./html.ts";
import { mark, measuredText } from "./result-table.ts";
import type { View } from "./view.ts";

const end = "step 10000";

export function features(view: View): Html {
  return html`<p>Trained on all pairs, the <code>standard</code> network goes from chance to a loss of
${view.number("standard", "step 9999", "trainLoss")} in 10,000 updates. Nobody told it about waves, yet almost every neuron ends as one:
its input weights are a cosine <var>α</var> cos(<var>w<sub>k</sub> j</var> + <var>φ</var>) and its output weights a cosine
<var>β</var> cos(<var>w<sub>k</sub> j</var> + <var>ψ</var>) of the same frequency <var>k</var>. The share of a neuron's energy at that
one frequency is ${view.percent("standard", end, "energy of theta at k*")} in the input layer and
${view.percent("standard", end, "energy of xi at k*")} in the output layer, and both layers agree on the frequency for
${view.percent("standard", end, "layers agree on k*")} of the neurons.</p>
${view.table(
  "How training went: train loss of the standard run",
  ...["500", "1000", "2000", "3000", "4000", "5000", "6000", "7000", "8000", "9999"].map(
    (step) => ["standard", `step ${step}`, "trainLoss"] as const,
  ),
)}
${view.figure("2")}
${view.figure("3", ["standard", end, "IPR of theta", "IPR of xi", "layers agree on k*"])}
${view.figure("4", ["standard", end, "energy of theta at k*", "energy of xi at k*"])}`;
}

export function phases(view: View): Html {
  return html`<p>The two layers of a neuron do not only share a frequency: the output phase is twice the input phase. The misalignment
<var>D</var> = 2<var>φ</var> − <var>ψ</var> begins anywhere on the circle and ends near 0. Its mean |sin <var>D</var>| is
${view.number("standard", end, "mean |sin D|")}, and the worst neuron is ${view.number("standard", end, "max |D|")} rad away.</p>
${view.figure("5", ["standard", end, "mean |sin D|", "max |D|"])}`;
}

export function voting(view: View): Html {
  return html`<p>A neuron alone is a poor judge: its wave is as high at wrong sums as at the right one. But the neurons of one frequency
spread their phases over the whole circle, and there are neurons of every frequency, all about as strong. Then noise cancels, and what
adds up is a vote: with a squared activation, the logit of <var>j</var> is
(<var>aN</var>/2) [−1 + (<var>p</var>/2) 1(<var>j</var> = <var>x</var> + <var>y</var>) + (<var>p</var>/4) (1(<var>j</var> = 2<var>x</var>)
+ 1(<var>j</var> = 2<var>y</var>))]. The right answer wins; 2<var>x</var> and 2<var>y</var> come second.</p>
${view.figure("6", [
  "standard",
  end,
  "|mean e^{i phi}|",
  "|mean e^{2 i phi}|",
  "|mean e^{3 i phi}|",
  "|mean e^{4 i phi}|",
  "random phases' |mean e^{i phi}|",
])}
${view.figure("7", ["standard", end, "alpha, mean", "alpha, spread", "beta, mean", "beta, spread"])}
${view.figure("8", [
  "standard",
  end,
  "correct logit under x^2",
  "spurious logit under x^2",
  "background logit under x^2",
  "spurious share under x^2",
  "spurious share of projected weights",
])}
<h3 id="figure-swap">Another activation, nothing retrained</h3>
<p>If it is the even part of the activation that does the work, any activation with an even part must do. Trained with relu, the same
weights are right under all of these but the odd ones, which see no sum.</p>
${swapTable(view)}
<h3 id="figure-example">The worked example</h3>
<p>An ideal network, made of cosines with evenly spread phases, asked for 3 + 7 modulo 23: its logits stand on exactly three
levels.</p>
${view.table("Logits in units of aN/2", [
  "worked example",
  "x = 3, y = 7, in units of aN/2",
  "logit at 10",
  "logit at 6",
  "logit at 14",
  "least other logit",
  "largest other logit",
  "margin",
])}`;
}

const printedNames: readonly (readonly [api: string, printed: string])[] = [
  ["relu", "relu"],
  ["abs", "|x|"],
  ["x^2", "x²"],
  ["x^4", "x⁴"],
  ["softplus2", "log(1 + e²ˣ)"],
  ["exp", "eˣ"],
  ["identity", "x"],
  ["x^3", "x³"],
];

function swapTable(view: View): Html {
  const cell = (result: ReturnType<View["result"]> | undefined) =>
    result === undefined
      ? html`<td class="number">–</td><td class="number">–</td><td>–</td>`
      : html`<td class="number">${measuredText(result)}</td><td class="number">${result.printed ?? "–"}</td><td>${mark(result)}</td>`;
  return html`<div class="scroll" tabindex="0"><table><caption>Accuracy and mean loss over all pairs after 10,000 updates, activation swapped</caption>
<thead><tr><th scope="col">activation</th><th scope="col" class="number">accuracy</th><th scope="col" class="number">published</th><th scope="col">within</th><th scope="col" class="number">loss</th><th scope="col" class="number">published</th><th scope="col">within</th></tr></thead>
<tbody>${printedNames.map(
    ([api, printed]) =>
      html`<tr><th scope="row">${printed}</th>${cell(view.result("standard", "accuracy under", api))}${cell(api === "relu" ? undefined : view.result("standard", "loss under", api))}</tr>
`,
  )}</tbody></table></div>`;
}
