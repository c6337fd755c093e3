import { projectOnDominant, removeDominant } from "../model/dominant.ts";
import { evaluateLogits } from "../model/evaluation.ts";
import { removeFrequencies } from "../model/frequency-mask.ts";
import { drawSplit, initialState } from "../model/initial-state.ts";
import { summarizeSpectrum } from "../model/spectrum-summary.ts";

/**
 * Work on arrays that takes longer than a request should hold the event loop, by name, so that it can be done on a worker thread.
 * Arguments and results are plain data and typed arrays.
 */
export const analysisTasks = {
  initialState,
  drawSplit,
  evaluateLogits,
  projectOnDominant,
  removeDominant,
  removeFrequencies,
  summarizeSpectrum,
};

export type AnalysisTasks = typeof analysisTasks;
