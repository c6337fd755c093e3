import { projectOnDominant, removeDominant } from "../model/dominant.ts";
import { evaluateLogits } from "../model/evaluation.ts";
import { drawSplit, initialState } from "../model/initial-state.ts";
import { SpectralMeter } from "../model/spectral-measures.ts";
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
  summarizeSpectrum,
  spectralMeasures: (theta: Float32Array, xi: Float32Array, modulus: number) =>
    new SpectralMeter(modulus).measure(theta, xi),
};

export type AnalysisTasks = typeof analysisTasks;
