import type { MessageInitShape } from "@bufbuild/protobuf";
import {
  Comparison,
  Measure as MeasureMessage,
  type Threshold as ThresholdMessage,
  type ThresholdSchema,
} from "@grokbox/proto/run";
import { defined } from "./defined.ts";
import { invalidField } from "./error.ts";

const measures = {
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

/** What a condition or a trigger can look at. */
export type Measure = keyof typeof measures;

/** A measure has crossed a value; looked at on recorded steps. */
export type Threshold = Bound & {
  readonly measure: Measure;
  /** Recorded steps in a row on which the bound must hold. @default 1 */
  readonly forRecorded?: number | undefined;
};

type Bound =
  | { readonly atLeast: number; readonly atMost?: undefined }
  | { readonly atMost: number; readonly atLeast?: undefined };

/** @param field - of the request, for errors */
export function toThreshold(threshold: Threshold, field: string): MessageInitShape<typeof ThresholdSchema> {
  const { measure, atLeast, atMost, forRecorded } = threshold;
  if (!Object.hasOwn(measures, measure)) {
    throw invalidField(`${field}.measure`, `must be one of ${Object.keys(measures).join(", ")}`, measure);
  }
  const value = atLeast ?? atMost;
  if (value === undefined || (atLeast !== undefined && atMost !== undefined)) {
    throw invalidField(field, "must have either atLeast or atMost");
  }
  const comparison = atLeast === undefined ? Comparison.AT_MOST : Comparison.AT_LEAST;
  return { measure: measures[measure], comparison, value, forRecorded };
}

/** Undefined for a measure that is newer than this SDK. */
export function fromThreshold(message: ThresholdMessage): Threshold | undefined {
  const { value, forRecorded, comparison } = message;
  const measure = (Object.keys(measures) as Measure[]).find((name) => measures[name] === message.measure);
  if (measure === undefined) return undefined;
  const bound = comparison === Comparison.AT_MOST ? { atMost: value } : { atLeast: value };
  return { measure, ...bound, ...defined({ forRecorded }) };
}
