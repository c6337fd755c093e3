import type { Spec } from "../model/spec.ts";
import { testCount } from "../model/split.ts";
import { type ExtraMeasure, isExtra } from "./extra-measures.ts";

/** Of the spectra: every point carries them, unless its session's schedule says how often. */
export const defaultMeasures = ["ipr", "meanAbsSinMisalignment"] as const;

const spectralMeasures = [...defaultMeasures, "iprTheta", "iprXi", "thetaCosineFit", "xiCosineFit"] as const;

type DefaultMeasure = (typeof defaultMeasures)[number];

export type SpectralMeasure = (typeof spectralMeasures)[number];

/** One that a schedule can name. */
export type SchedulableMeasure = DefaultMeasure | ExtraMeasure;

export interface ScheduledMeasure {
  readonly measure: SchedulableMeasure;
  /** Carried by the recorded points whose step is a multiple of this. */
  readonly every: number;
}

/** Each measure at most once. */
export type MeasureSchedule = readonly ScheduledMeasure[];

/** What a point carries of what a schedule can name. */
export type ScheduledValues = { readonly [M in SchedulableMeasure]?: number };

export function isDefault(measure: string): measure is DefaultMeasure {
  return (defaultMeasures as readonly string[]).includes(measure);
}

export function isSchedulable(measure: string): measure is SchedulableMeasure {
  return isDefault(measure) || isExtra(measure);
}

const nothing: readonly SchedulableMeasure[] = [];

/** What the point of a step is to carry, should it be recorded. */
export function dueAt(schedule: MeasureSchedule, step: number): readonly SchedulableMeasure[] {
  if (schedule.length === 0) return defaultMeasures;
  const due: SchedulableMeasure[] = [];
  for (const name of defaultMeasures) if (schedule.every(({ measure }) => measure !== name)) due.push(name);
  for (const { measure, every } of schedule) if (step % every === 0) due.push(measure);
  return due.length === 0 ? nothing : due;
}

/** The engine measures it without a copy of the weights, of which all others are computed. */
export function isSpectral(measure: SchedulableMeasure): measure is SpectralMeasure {
  return (spectralMeasures as readonly SchedulableMeasure[]).includes(measure);
}

/** The engine is to measure something of it. */
export function needsSpectra(due: readonly SchedulableMeasure[]): boolean {
  return due.some(isSpectral);
}

/** A copy of the weights is to be measured. */
export function needsWeights(due: readonly SchedulableMeasure[]): boolean {
  return !due.every(isSpectral);
}

/** It is taken against the state at which the session began. */
export function needsBase(measure: SchedulableMeasure): boolean {
  return measure === "magnitudeDrift" || measure === "phaseDrift" || measure === "misalignmentError";
}

/** Bytes of weights that one slice may copy out to be measured. */
const copiedBytes = 2 ** 24;

/** States that one slice may record where points carry measures that need weights, at least 1 and at most 16. */
export function measuredASlice(modulus: number, width: number): number {
  const bytes = 2 * Float32Array.BYTES_PER_ELEMENT * modulus * width;
  return Math.max(1, Math.min(16, Math.floor(copiedBytes / bytes)));
}

/** Why no session of this spec can have a measure, as what the measure must be; undefined when one can. */
export function neverMeasured(
  measure: SchedulableMeasure,
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
