import type { Measure } from "./progress-log.ts";

/** What a measure can be, by its definition; a bound that there isn't is left out. */
export interface MeasureRange {
  readonly least?: number;
  readonly most?: number;
}

const share: MeasureRange = { least: 0, most: 1 };
/** A change against the larger of two states. */
const drift: MeasureRange = { least: 0, most: 2 };
/** A loss, a norm or a root mean square. */
const size: MeasureRange = { least: 0 };

export const measureRanges: Readonly<Record<Measure, MeasureRange>> = {
  trainLoss: size,
  testLoss: size,
  trainAccuracy: share,
  testAccuracy: share,
  common: share,
  rare: share,
  partner: share,
  heldOut: share,
  ipr: share,
  meanAbsSinMisalignment: share,
  parameterNorm: size,
  gradientNorm: size,
  iprTheta: share,
  iprXi: share,
  thetaCosineFit: share,
  xiCosineFit: share,
  dominantOnlyTrainLoss: size,
  dominantOnlyTestLoss: size,
  dominantRemovedTrainLoss: size,
  dominantRemovedTestLoss: size,
  magnitudeDrift: drift,
  phaseDrift: drift,
  misalignmentError: { least: 0, most: Math.PI },
  maxProbabilityDeviation: share,
  votingResidual: size,
  votingRSquared: { most: 1 },
};
