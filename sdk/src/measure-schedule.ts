import type { MessageInitShape } from "@bufbuild/protobuf";
import type { MeasureSchedule as MeasureScheduleMessage, MeasureScheduleSchema } from "@grokbox/proto/run";
import { invalidField } from "./error.ts";
import { type Known, refuseUnknown } from "./known-keys.ts";
import {
  fromMeasure,
  isSchedulable,
  type SchedulableMeasure,
  schedulableMeasures,
  toMeasure,
} from "./measure.ts";

/** How often points of a session carry a measure: an extra one that it takes, or one that every point has else. */
export interface ScheduledMeasure {
  readonly measure: SchedulableMeasure;
  /** Carried by the recorded points whose step is a multiple of this. */
  readonly every: number;
}

/**
 * A measure that points are to carry on every multiple of so many steps, 1 to 1,000,000, by default the session's `recordEvery`.
 *
 * @example
 * // Loss and accuracy at every step; spectra, which cost more, at every tenth.
 * await box.start({
 *   recordEvery: 1,
 *   measures: [{ measure: "ipr", every: 10 }, { measure: "meanAbsSinMisalignment", every: 10 }],
 * });
 */
export type MeasureInput =
  | SchedulableMeasure
  | { readonly measure: SchedulableMeasure; readonly every?: number | undefined };

const keys: Known<Exclude<MeasureInput, string>> = { measure: true, every: true };

export function toMeasureSchedule(
  inputs: readonly MeasureInput[] | undefined,
): MessageInitShape<typeof MeasureScheduleSchema> | undefined {
  if (inputs === undefined) return undefined;
  return {
    measures: inputs.map((input, i) => {
      const field = `measure_schedule.measures[${i}]`;
      const whole = typeof input === "string" ? { measure: input } : input;
      refuseUnknown(whole, keys, field);
      const { measure, every = undefined } = whole;
      if (isSchedulable(measure)) return { measure: toMeasure(measure), every };
      throw invalidField(`${field}.measure`, `must be one of ${schedulableMeasures.join(", ")}`, measure);
    }),
  };
}

/** Without the measures that are newer than this SDK. */
export function fromMeasureSchedule(message: MeasureScheduleMessage | undefined): ScheduledMeasure[] {
  return (message?.measures ?? []).flatMap(({ measure: number, every = 0 }) => {
    const measure = fromMeasure(number);
    return measure !== undefined && isSchedulable(measure) ? [{ measure, every }] : [];
  });
}
