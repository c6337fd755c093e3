import type { MeasureInput, ScheduledMeasure } from "@grokbox/sdk";
import { InvalidArgumentError, Option } from "commander";
import { measureOf, schedulableMeasureNames, schedulableMeasures, snakeCase } from "./measures.ts";
import { plural } from "./numbers.ts";
import { largestUint32, whole } from "./values.ts";

/** Which measures a person wants points to carry, and how often. */
export interface MeasureOptions {
  readonly measure?: readonly MeasureInput[];
}

/** @param fallback - what holds without it; empty where that is clear */
export function measureOption(fallback: string): Option {
  return new Option(
    "--measure <name[:every]>",
    `take an extra measure, such as magnitude_drift:500, on recorded multiples of so many steps, else of record_every; ipr or mean_abs_sin_misalignment on these only; may be repeated${fallback === "" ? "" : `; else ${fallback}`}`,
  ).argParser(scheduledMeasure);
}

/** NAME or NAME:EVERY; the option may be repeated. */
export function scheduledMeasure(text: string, before: readonly MeasureInput[] = []): MeasureInput[] {
  const [name = "", every, ...more] = text.split(":");
  const measure = measureOf(name, schedulableMeasures);
  if (measure === undefined || more.length > 0) {
    throw new InvalidArgumentError(
      `It must be NAME or NAME:EVERY, NAME one of ${schedulableMeasureNames.join(", ")}.`,
    );
  }
  return [
    ...before,
    every === undefined ? measure : { measure, every: whole(every, largestUint32, "EVERY") },
  ];
}

/** magnitude_drift and phase_drift every 500 steps; voting_residual every 100 steps; empty for nothing scheduled. */
export function measuresText(measures: readonly ScheduledMeasure[]): string {
  return [...new Set(measures.map(({ every }) => every))]
    .map((steps) => {
      const names = measures.filter(({ every }) => every === steps).map(({ measure }) => snakeCase(measure));
      const list = [names.slice(0, -1).join(", "), ...names.slice(-1)].filter((part) => part !== "");
      return `${list.join(" and ")} every ${plural(steps, "step")}`;
    })
    .join("; ");
}
