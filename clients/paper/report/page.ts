import { type Html, html, Html as Markup } from "./html.ts";
import type { ReportData } from "./report-data.ts";
import { completeTable } from "./result-table.ts";
import { schematic } from "./schematic.ts";
import { sections } from "./sections.ts";
import { style } from "./style.ts";
import { View } from "./view.ts";

/** The whole report: one file that asks for no other. */
export function page(data: ReportData): string {
  const view = new View(data);
  const parts = [
    { id: "network", title: "The network", body: network(data) },
    ...sections.map(({ id, title, body }) => ({ id, title, body: body(view) })),
    { id: "numbers", title: "All numbers", body: numbers(data) },
    { id: "made", title: "How this was made", body: made(data) },
  ];
  return String(html`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<link rel="icon" href="data:,">
<title>How a network learns to add modulo ${data.modulus}</title>
<style>${new Markup(style)}</style>
</head>
<body>
<header>
<h1>How a network learns to add modulo ${data.modulus}</h1>
<p class="lead">A companion to <cite>On the Mechanism and Dynamics of Modular Addition: Fourier Features, Lottery Ticket, and
Grokking</cite> (He, Wang, Chen, Yang, 2026): its runs made again, its figures drawn again, and each number beside the published
one.</p>
${summary(data)}
<nav aria-label="Contents"><ol>${parts.map(({ id, title }) => html`<li><a href="#${id}">${title}</a></li>`)}</ol></nav>
</header>
<main>
${parts.map(
  ({ id, title, body }) => html`<section id="${id}" aria-labelledby="${id}-title">
<h2 id="${id}-title">${title}</h2>
${body}
</section>
`,
)}</main>
</body>
</html>
`);
}

function summary({ tally, published, modulus, seed, skipped, runs }: ReportData): Html {
  const steps = runs.reduce((sum, run) => sum + run.steps, 0).toLocaleString("en");
  const held = tally.passed + tally.failed;
  return html`<p class="facts"><strong>${tally.passed} of ${held}</strong> numbers that are held to a published value are within their
tolerance${tally.failed === 0 ? "" : html`, <strong class="outside">${tally.failed} ${tally.failed === 1 ? "is" : "are"} not</strong>`}; ${tally.total} are
listed. ${runs.length} runs, ${steps} updates.</p>
${published ? "" : html`<p class="notice">The published runs have p = 23 and seed 42; these have p = ${modulus} and seed ${seed}. What depends on training is measured here but not compared.</p>`}
${skipped.map(({ run, reason }) => html`<p class="notice">The ${run} run was skipped: ${reason}.</p>`)}`;
}

function network({ modulus, runs }: ReportData): Html {
  const width = runs[0]?.width ?? 0;
  const label = `Two inputs x and y, 0 to ${modulus - 1}, go into ${width} neurons; each adds its input weights of x and of y, applies the activation, and adds its output weights into ${modulus} logits.`;
  return html`<p>The task: given <var>x</var> and <var>y</var>, say (<var>x</var> + <var>y</var>) mod ${modulus}. The network has one hidden layer.
Neuron <var>m</var> looks up one weight for each input, adds the two and applies an activation σ; its output weights vote on the sum:</p>
<p><var>f</var>(<var>x</var>, <var>y</var>)[<var>j</var>] = Σ<sub><var>m</var></sub> <var>ξ<sub>m</sub></var>[<var>j</var>]
σ(<var>θ<sub>m</sub></var>[<var>x</var>] + <var>θ<sub>m</sub></var>[<var>y</var>]).</p>
<figure id="figure-1"><div class="plot schematic" role="img" aria-label="${label}">${schematic(modulus, width)}</div>
<figcaption><b>Figure 1. The network.</b> ${label}</figcaption></figure>
<p>It is trained on all its training pairs at once, by AdamW or plain gradient descent, on the mean cross-entropy. Both layers are rows of
length ${modulus}, so each neuron can be read as a sum of ${(modulus - 1) / 2} waves of frequencies <var>w<sub>k</sub></var> =
2π<var>k</var>/${modulus}: that reading is what all figures below are about.</p>`;
}

function numbers({ results }: ReportData): Html {
  return html`<p>“Measured” is of the runs of this report. A dash stands where nothing is published or held. Where the tolerance is not a
published one, its reason is in brackets.</p>
${completeTable(results)}`;
}

function made(data: ReportData): Html {
  const { made, runs, seed, modulus } = data;
  const steps = runs.reduce((sum, run) => sum + run.steps, 0);
  const facts: readonly (readonly [string, string | Html])[] = [
    ["command", html`<code>${made.command}</code>`],
    ["grokbox", `version ${made.version}, Node.js ${made.runtime}`],
    ["engine", made.engine],
    ["p, seed", `${modulus}, ${seed}`],
    [
      "training",
      `${made.trainingSeconds.toFixed(1)} s for ${steps.toLocaleString("en")} updates of ${runs.length} runs at once`,
    ],
    ["made", made.date.toISOString()],
  ];
  return html`<dl class="made">${facts.map(([term, fact]) => html`<dt>${term}</dt><dd>${fact}</dd>`)}</dl>
<div class="scroll" tabindex="0"><table><caption>The runs</caption>
<thead><tr><th scope="col">run</th><th scope="col" class="number">neurons</th><th scope="col" class="number">updates</th><th scope="col" class="number">train loss at the end</th><th scope="col" class="number">done after</th></tr></thead>
<tbody>${runs.map(
    ({ name, width, steps: updates, trainLoss, seconds }) =>
      html`<tr><th scope="row"><code>${name}</code></th><td class="number">${width}</td><td class="number">${updates.toLocaleString("en")}</td><td class="number">${trainLoss.toPrecision(4)}</td><td class="number">${seconds.toFixed(1)} s</td></tr>
`,
  )}</tbody></table></div>
<p>The figures and their data are beside this file, as <code>figure-ID.svg</code>, <code>.png</code> and <code>.json</code>; all numbers as
<code>results.json</code>.</p>`;
}
