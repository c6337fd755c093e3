import { ablate } from "../model/ablation.ts";
import { bandsOfRuns } from "../model/bands.ts";
import { projectOnDominant, removeDominant } from "../model/dominant.ts";
import { evaluateLogits } from "../model/evaluation.ts";
import { eulerFlow, outcomeContour, simulateFlow } from "../model/flow.ts";
import { removeFrequencies } from "../model/frequency-mask.ts";
import { drawSplit, initialState } from "../model/initial-state.ts";
import { productError } from "../model/learned-embedding.ts";
import { logitMeasures } from "../model/logit-measures.ts";
import { lottery } from "../model/lottery.ts";
import { pairGrids } from "../model/pair-grids.ts";
import { summarizeSpectrum } from "../model/spectrum-summary.ts";
import { weightResiduals } from "../model/theory-residuals.ts";
import { votes, votingFit } from "../model/voting.ts";

/**
 * Work on arrays that takes longer than a request should hold the event loop, by name, so that it can be done on a worker thread.
 * Arguments and results are plain data and typed arrays.
 */
export const analysisTasks = {
  initialState,
  drawSplit,
  productError,
  evaluateLogits,
  pairGrids,
  projectOnDominant,
  removeDominant,
  removeFrequencies,
  summarizeSpectrum,
  ablate,
  votingFit,
  votes,
  lottery,
  simulateFlow,
  eulerFlow,
  outcomeContour,
  weightResiduals,
  logitMeasures,
  bandsOfRuns,
};

export type AnalysisTasks = typeof analysisTasks;
