import { Measure as MeasureMessage } from "@grokbox/proto/run";

/** Of every point, but that a schedule may say how often it carries those of `defaults`. */
const common = {
  trainLoss: MeasureMessage.TRAIN_LOSS,
  testLoss: MeasureMessage.TEST_LOSS,
  trainAccuracy: MeasureMessage.TRAIN_ACCURACY,
  testAccuracy: MeasureMessage.TEST_ACCURACY,
  commonAccuracy: MeasureMessage.COMMON_ACCURACY,
  rareAccuracy: MeasureMessage.RARE_ACCURACY,
  partnerAccuracy: MeasureMessage.PARTNER_ACCURACY,
  heldOutAccuracy: MeasureMessage.HELD_OUT_ACCURACY,
  ipr: MeasureMessage.IPR,
  meanAbsSinMisalignment: MeasureMessage.MEAN_ABS_SIN_MISALIGNMENT,
  parameterNorm: MeasureMessage.PARAMETER_NORM,
  gradientNorm: MeasureMessage.GRADIENT_NORM,
} as const;

const extra = {
  iprTheta: MeasureMessage.IPR_THETA,
  iprXi: MeasureMessage.IPR_XI,
  thetaCosineFit: MeasureMessage.THETA_COSINE_FIT,
  xiCosineFit: MeasureMessage.XI_COSINE_FIT,
  dominantOnlyTrainLoss: MeasureMessage.DOMINANT_ONLY_TRAIN_LOSS,
  dominantOnlyTestLoss: MeasureMessage.DOMINANT_ONLY_TEST_LOSS,
  dominantRemovedTrainLoss: MeasureMessage.DOMINANT_REMOVED_TRAIN_LOSS,
  dominantRemovedTestLoss: MeasureMessage.DOMINANT_REMOVED_TEST_LOSS,
  magnitudeDrift: MeasureMessage.MAGNITUDE_DRIFT,
  phaseDrift: MeasureMessage.PHASE_DRIFT,
  misalignmentError: MeasureMessage.MISALIGNMENT_ERROR,
  maxProbabilityDeviation: MeasureMessage.MAX_PROBABILITY_DEVIATION,
  votingResidual: MeasureMessage.VOTING_RESIDUAL,
  votingRSquared: MeasureMessage.VOTING_R_SQUARED,
} as const;

const all = { ...common, ...extra };

/** Of the spectra. */
const defaults = ["ipr", "meanAbsSinMisalignment"] as const;

/** A measure that a point carries where its session's `measures` say so. */
export type ExtraMeasure = keyof typeof extra;

/** A measure of which a session's `measures` can say how often points carry it: `ipr` and `meanAbsSinMisalignment` else all do. */
export type SchedulableMeasure = (typeof defaults)[number] | ExtraMeasure;

/** What a condition or a trigger can look at; an `ExtraMeasure` only if the session takes it. */
export type Measure = keyof typeof all;

export const extraMeasures = Object.keys(extra) as readonly ExtraMeasure[];
export const schedulableMeasures: readonly SchedulableMeasure[] = [...defaults, ...extraMeasures];
export const measures = Object.keys(all) as readonly Measure[];

export function isMeasure(name: string): name is Measure {
  return Object.hasOwn(all, name);
}

export function isSchedulable(name: string): name is SchedulableMeasure {
  return (schedulableMeasures as readonly string[]).includes(name);
}

export function toMeasure(measure: Measure): MeasureMessage {
  return all[measure];
}

/** Undefined for a measure that is newer than this SDK. */
export function fromMeasure(message: MeasureMessage): Measure | undefined {
  return measures.find((name) => all[name] === message);
}
