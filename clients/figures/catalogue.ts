import type { Figure } from "./figure.ts";
import { accuracyGrid, commonToRare } from "./figures/accuracy-grid.ts";
import { activationTable } from "./figures/activation-table.ts";
import { cosineFits } from "./figures/cosine-fits.ts";
import { logitHeatmap } from "./figures/logit-heatmap.ts";
import { lotteryRace } from "./figures/lottery-race.ts";
import { magnitudes } from "./figures/magnitudes.ts";
import { oneNeuron } from "./figures/neuron.ts";
import { quadraticDynamics, reluDynamics } from "./figures/neuron-dynamics.ts";
import { outcomes } from "./figures/outcome-contour.ts";
import { phaseAlignment } from "./figures/phase-alignment.ts";
import { phaseRings } from "./figures/phase-rings.ts";
import { progressPanels } from "./figures/progress-panels.ts";
import { grokkingSpectra, quadraticPreservation, reluLeakage, tenNeurons } from "./figures/spectra.ts";
import { workedExample } from "./figures/worked-example.ts";

/** All of the paper's, in its order, and then its tables. */
export const figures: readonly Figure[] = [
  oneNeuron,
  tenNeurons,
  cosineFits,
  phaseAlignment,
  phaseRings,
  magnitudes,
  logitHeatmap,
  quadraticDynamics,
  lotteryRace,
  outcomes,
  quadraticPreservation,
  reluLeakage,
  reluDynamics,
  progressPanels,
  accuracyGrid,
  commonToRare,
  grokkingSpectra,
  activationTable,
  workedExample,
];
