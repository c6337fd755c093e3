import type { MessageInitShape } from "@bufbuild/protobuf";
import type { MeasureSchedule as MeasureScheduleMessage, MeasureScheduleSchema } from "@grokbox/proto/run";
import { invalidField } from "./error.ts";
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

export function toMeasureSchedule(
  inputs: readonly MeasureInput[] | undefined,
): MessageInitShape<typeof MeasureScheduleSchema> | undefined {
  if (inputs === undefined) return undefined;
  return {
    measures: inputs.map((input, i) => {
      const { measure, every = undefined } = typeof input === "string" ? { measure: input } : input;
      if (isSchedulable(measure)) return { measure: toMeasure(measure), every };
      const field = `measure_schedule.measures[${i}].measure`;
      throw invalidField(field, `must be one of ${schedulableMeasures.join(", ")}`, measure);
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
