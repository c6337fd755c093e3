import type { Spec } from "../model/spec.ts";
import { testCount } from "../model/split.ts";

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

const spectralMeasures = ["iprTheta", "iprXi", "thetaCosineFit", "xiCosineFit"] as const;

export type SpectralMeasure = (typeof spectralMeasures)[number];

export type ExtraMeasure = (typeof extraMeasures)[number];

/** Those that a point carries. */
export type ExtraValues = { readonly [M in ExtraMeasure]?: number };

export interface ScheduledMeasure {
  readonly measure: ExtraMeasure;
  /** Carried by the recorded points whose step is a multiple of this. */
  readonly every: number;
}

/** Each measure at most once. */
export type MeasureSchedule = readonly ScheduledMeasure[];

export function isExtra(measure: string): measure is ExtraMeasure {
  return (extraMeasures as readonly string[]).includes(measure);
}

/** Bytes of weights that one slice may copy out to be measured. */
const copiedBytes = 2 ** 24;

/** States that one slice may record where points carry measures that need weights, at least 1 and at most 16. */
export function measuredASlice(modulus: number, width: number): number {
  const bytes = 2 * Float32Array.BYTES_PER_ELEMENT * modulus * width;
  return Math.max(1, Math.min(16, Math.floor(copiedBytes / bytes)));
}

const none: readonly ExtraMeasure[] = [];

/** What the point of a step is to carry, should it be recorded. */
export function dueAt(schedule: MeasureSchedule, step: number): readonly ExtraMeasure[] {
  if (schedule.length === 0) return none;
  return schedule.filter(({ every }) => step % every === 0).map(({ measure }) => measure);
}

/** The engine's own spectral measures have it already; all others are computed from a copy of the weights. */
export function isSpectral(measure: ExtraMeasure): measure is SpectralMeasure {
  return (spectralMeasures as readonly ExtraMeasure[]).includes(measure);
}

/** It is taken against the state at which the session began. */
export function needsBase(measure: ExtraMeasure): boolean {
  return measure === "magnitudeDrift" || measure === "phaseDrift" || measure === "misalignmentError";
}

/** Why no session of this spec can have a measure, as what the measure must be; undefined when one can. */
export function neverMeasured(
  measure: ExtraMeasure,
  { activation, optimizer, split, task, modulus, embedding }: Spec,
): string | undefined {
  switch (measure) {
    case "dominantOnlyTestLoss":
    case "dominantRemovedTestLoss":
      return testCount(split, modulus) > 0 ? undefined : "one of a session with a test set: all pairs train";
    case "votingResidual":
    case "votingRSquared":
      return task === "add"
        ? undefined
        : `one of a session that adds: the voting formula has no levels for ${task}`;
    case "misalignmentError":
      return activation === "x^2" &&
        task === "add" &&
        optimizer.kind === "sgd" &&
        optimizer.weightDecay === 0 &&
        optimizer.grokfast === undefined &&
        embedding === undefined
        ? undefined
        : "one of a session that adds under x^2 with sgd without decay, Grokfast or a learned embedding: only there the flow has a clock";
    default:
      return undefined;
  }
}
