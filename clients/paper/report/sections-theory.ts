import { type Html, html } from "./html.ts";
import type { View } from "./view.ts";

export function theory(view: View): Html {
  return html`<p>What follows needs no training, is at <var>p</var> = 23 whatever was trained, and comes out to the digits that are
printed.</p>
<h3>The decoupled flow</h3>
<p>One neuron at one frequency, by the paper's Euler steps from two starts. In the first the phases are almost opposed: magnitudes fall
until <var>D</var> has crossed π/2, and only then grow.</p>
${view.table(
  "Where the flow goes",
  ["flow", "case 1, start", "D"],
  ["flow", "case 1", "step at which D crosses pi/2"],
  ["flow", "case 1, after 1400 steps", "alpha", "beta"],
  ["flow", "case 2, after 700 steps", "alpha", "beta"],
)}
<h3>Ideal networks</h3>
<p>128 neurons that do what the theory asks, on 11 frequencies. With few frequencies, or with phases that do not go round the circle,
noise stays and the loss with it.</p>
${view.table("Mean loss, averaged over all ways to use so many frequencies", [
  "ideal network",
  "mean loss by frequencies used",
  "1",
  "2",
  "4",
  "8",
  "11",
])}
${view.table("Loss of all frequencies, phases spread over a part of the circle", [
  "ideal network",
  "loss by phase range",
  "0.4 pi",
  "0.8 pi",
  "1.2 pi",
  "1.6 pi",
  "2.0 pi",
])}`;
}
