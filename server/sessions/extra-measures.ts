/** Measures that a point carries only where its session's schedule says so. Their order is that of the stored columns: append only. */
export const extraMeasures = [
  "iprTheta",
  "iprXi",
  "thetaCosineFit",
  "xiCosineFit",
  "dominantOnlyTrainLoss",
  "dominantOnlyTestLoss",
  "dominantRemovedTrainLoss",
  "dominantRemovedTestLoss",
  "magnitudeDrift",
  "phaseDrift",
  "misalignmentError",
  "maxProbabilityDeviation",
  "votingResidual",
  "votingRSquared",
] as const;

export type ExtraMeasure = (typeof extraMeasures)[number];

/** Those that a point carries. */
export type ExtraValues = { readonly [M in ExtraMeasure]?: number };

export function isExtra(measure: string): measure is ExtraMeasure {
  return (extraMeasures as readonly string[]).includes(measure);
}
