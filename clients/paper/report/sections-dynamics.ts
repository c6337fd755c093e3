import { type Html, html } from "./html.ts";
import type { View } from "./view.ts";

const forecast = "winners forecast at step 0";
const ends = {
  quad_random_sgd: "step 10000",
  relu_random_sgd: "step 10000",
  standard: "step 10000",
  quad_random: "step 5000",
  grokking: "step 50000",
} as const;
type Drawn = keyof typeof ends;

export function dynamics(view: View): Html {
  const { skipped } = view.data;
  const runs = (Object.keys(ends) as Drawn[]).filter((run) => !skipped.some((one) => one.run === run));
  return html`<p>Which frequency does a neuron end with? While weights are small, every frequency of every neuron grows by itself, along a
flow of four variables: two magnitudes and two phases. The misalignment <var>D</var> falls to 0 and lets the magnitudes grow; whichever
frequency starts large and well aligned gets away first and wins. So the winner can be told before the first update, by the frequency
whose flow would blow up first: chance would be right for 1 neuron in ${(view.data.modulus - 1) / 2}.</p>
${view.table(
  "Share of neurons whose winner is told at step 0",
  ...runs.map((run) => [run, ends[run], forecast] as const),
)}
<p>Alignment alone, or size alone, tells less.</p>
${view.table(
  "The same by one of the two alone",
  ...runs.map(
    (run) => [run, ends[run], "winners by smallest |D| alone", "winners by largest alpha alone"] as const,
  ),
)}
${view.figure("9", ["quad_single_freq", "neuron 1, step 1", "D"], ["quad_single_freq", "neuron 1, step 4001", "D", "alpha"], ["quad_single_freq", "neuron 1, step 5001", "D"])}
${view.figure("10", ["quad_random_sgd", "step 10000", forecast], ["quad_random_sgd", "step 9999", "trainLoss"])}
${view.figure("11", ["contour", "final beta at (s, 2 phi)", "(0.01, 0)", "(0.02, 0)", "(0.02, pi)", "(0.02, pi/2)"])}`;
}

export function singleFrequency(view: View): Html {
  return html`<p>Start every neuron on one frequency, and a network with squared activation keeps it there: the rest of the spectrum holds
${view.number("quad_single_freq", "step 5001", "energy of theta off k*")} of the input layer's energy at step 5,000, and
${view.number("quad_single_freq", "step 10000", "energy of theta off k*")} at step 10,000, when the weights are no longer small. The flow
also keeps two quantities, <var>α</var>² − 2<var>β</var>² and <var>α</var>²<var>β</var> sin <var>D</var>, while it holds.</p>
${view.figure("12", ["quad_single_freq", "step 5001", "energy of theta off k*", "energy of xi off k*"], ["quad_single_freq", "step 10000", "energy of theta off k*", "energy of xi off k*"], ["quad_single_freq", "step 9999", "trainLoss"])}
${view.table(
  "What the flow keeps of neuron 1",
  ...["step 1", "step 4001", "step 5001"].map(
    (step) => ["quad_single_freq", `neuron 1, ${step}`, "alpha^2 - 2 beta^2", "alpha^2 beta sin D"] as const,
  ),
)}
<p>A relu is not a square: it puts harmonics into every product, so that amplitude leaks from <var>k</var> to its multiples, in the input
layer to the odd ones, in the output layer to all. Theory says 1/9 at 3<var>k</var> and 1/25 at 5<var>k</var>; the medians over
neurons are these.</p>
${view.figure("13a", ["relu_single_freq", "step 10000", "theta at 2 k*", "theta at 3 k*", "theta at 5 k*", "xi at 2 k*", "xi at 3 k*"])}
${view.figure("13b", ["relu_single_freq", "step 9999", "trainLoss"])}`;
}
