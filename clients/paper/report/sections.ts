import type { Html } from "./html.ts";
import { dynamics, singleFrequency } from "./sections-dynamics.ts";
import { features, phases, voting } from "./sections-features.ts";
import { grokking } from "./sections-grokking.ts";
import { theory } from "./sections-theory.ts";
import type { View } from "./view.ts";

export interface Section {
  readonly id: string;
  readonly title: string;
  readonly body: (view: View) => Html;
}

/** The sections of the paper, in its order. */
export const sections: readonly Section[] = [
  { id: "features", title: "Fourier features", body: features },
  { id: "phases", title: "Phase alignment", body: phases },
  { id: "voting", title: "Diversification and voting", body: voting },
  { id: "lottery", title: "The frequency lottery", body: dynamics },
  { id: "single-frequency", title: "Single-frequency training, and leakage", body: singleFrequency },
  { id: "grokking", title: "Grokking in three stages", body: grokking },
  { id: "theory", title: "Theory: the flow and ideal networks", body: theory },
];
