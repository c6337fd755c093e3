import type { MessageInitShape } from "@bufbuild/protobuf";
import type { MeasureSchedule as MeasureScheduleMessage, MeasureScheduleSchema } from "@grokbox/proto/run";
import { invalidField } from "./error.ts";
import { type ExtraMeasure, extraMeasures, fromMeasure, isExtraMeasure, toMeasure } from "./measure.ts";

/** An extra measure that a session takes. */
export interface ScheduledMeasure {
  readonly measure: ExtraMeasure;
  /** Carried by the recorded points whose step is a multiple of this. */
  readonly every: number;
}

/** An extra measure that a session is to take, on every multiple of so many steps, by default its `recordEvery`. */
export type MeasureInput =
  | ExtraMeasure
  | { readonly measure: ExtraMeasure; readonly every?: number | undefined };

export function toMeasureSchedule(
  inputs: readonly MeasureInput[] | undefined,
): MessageInitShape<typeof MeasureScheduleSchema> | undefined {
  if (inputs === undefined) return undefined;
  return {
    measures: inputs.map((input, i) => {
      const { measure, every = undefined } = typeof input === "string" ? { measure: input } : input;
      if (isExtraMeasure(measure)) return { measure: toMeasure(measure), every };
      const field = `measure_schedule.measures[${i}].measure`;
      throw invalidField(field, `must be one of ${extraMeasures.join(", ")}`, measure);
    }),
  };
}

/** Without the measures that are newer than this SDK. */
export function fromMeasureSchedule(message: MeasureScheduleMessage | undefined): ScheduledMeasure[] {
  return (message?.measures ?? []).flatMap(({ measure: number, every = 0 }) => {
    const measure = fromMeasure(number);
    return measure !== undefined && isExtraMeasure(measure) ? [{ measure, every }] : [];
  });
}
