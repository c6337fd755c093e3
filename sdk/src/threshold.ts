import type { MessageInitShape } from "@bufbuild/protobuf";
import { Comparison, type Threshold as ThresholdMessage, type ThresholdSchema } from "@grokbox/proto/run";
import { defined } from "./defined.ts";
import { invalidField } from "./error.ts";
import { type Known, refuseUnknown } from "./known-keys.ts";
import { fromMeasure, isMeasure, type Measure, measures, toMeasure } from "./measure.ts";

/** A measure has crossed a value; looked at on recorded steps, of a `SchedulableMeasure` on those that carry it. */
export type Threshold = Bound & {
  readonly measure: Measure;
  /** Recorded steps in a row on which the bound must hold. @default 1 */
  readonly forRecorded?: number | undefined;
};

type Bound =
  | { readonly atLeast: number; readonly atMost?: undefined }
  | { readonly atMost: number; readonly atLeast?: undefined };

export const thresholdKeys: Known<Threshold> = {
  measure: true,
  atLeast: true,
  atMost: true,
  forRecorded: true,
};

/** @param field - of the request, for errors */
export function toThreshold(threshold: Threshold, field: string): MessageInitShape<typeof ThresholdSchema> {
  refuseUnknown(threshold, thresholdKeys, field);
  const { measure, atLeast, atMost, forRecorded } = threshold;
  if (!isMeasure(measure)) {
    throw invalidField(`${field}.measure`, `must be one of ${measures.join(", ")}`, measure);
  }
  const value = atLeast ?? atMost;
  if (value === undefined || (atLeast !== undefined && atMost !== undefined)) {
    throw invalidField(field, "must have either atLeast or atMost");
  }
  const comparison = atLeast === undefined ? Comparison.AT_MOST : Comparison.AT_LEAST;
  return { measure: toMeasure(measure), comparison, value, forRecorded };
}

/** Undefined for a measure that is newer than this SDK. */
export function fromThreshold(message: ThresholdMessage): Threshold | undefined {
  const { value, forRecorded, comparison } = message;
  const measure = fromMeasure(message.measure);
  if (measure === undefined) return undefined;
  const bound = comparison === Comparison.AT_MOST ? { atMost: value } : { atLeast: value };
  return { measure, ...bound, ...defined({ forRecorded }) };
}
