import type { Measured } from "./measure.ts";
import { publishedSeed } from "./options.ts";
import { type PublishedEnd, type RunName, runs } from "./reference.ts";
import { describe, isWithin } from "./tolerance.ts";

/** One measured value beside the published one. */
export interface Comparison {
  /** Step or state that the value is of. */
  readonly where: string;
  readonly measure: string;
  readonly measured: number;
  /** As printed. */
  readonly published: string;
  readonly tolerance: string;
  /** Undefined when there is nothing to hold to: no tolerance is published, or the run is not the published one. */
  readonly isWithin: boolean | undefined;
}

/** Everything published that this run reached, in the order of the steps. */
export function compare(result: Measured): Comparison[] {
  const { points, activations, end, steps } = runs[result.run as RunName];
  const holds = result.seed === publishedSeed;
  const rows = new Map(result.curve.map((row) => [row.step, row]));
  const ofCurve = points
    .toSorted((a, b) => a.step - b.step)
    .flatMap((point) => {
      const { step, measure, value, tolerance } = point;
      const measured = rows.get(step)?.[measure];
      if (measured === undefined || measured === null) return [];
      const within = holds ? isWithin(measured, value, tolerance) : undefined;
      return [line(`step ${step}`, measure, measured, value, describe(tolerance), within)];
    });
  if (result.steps !== steps) return ofCurve;
  const ofEnd = (
    where: string,
    published: readonly PublishedEnd[],
    measured: Readonly<Record<string, number | undefined>>,
  ) =>
    published.flatMap(({ name, value, tolerance }) => {
      const found = measured[name];
      if (found === undefined) return [];
      const within = holds ? isWithin(found, value, tolerance) : undefined;
      return [line(where, name, found, value, describe(tolerance), within)];
    });
  return [
    ...ofCurve,
    ...ofEnd("accuracy under", activations, result.activations),
    ...ofEnd(`step ${steps}`, end, result.end),
  ];
}

function line(
  where: string,
  measure: string,
  measured: number,
  published: string,
  tolerance: string,
  within: boolean | undefined,
): Comparison {
  return { where, measure, measured, published, tolerance, isWithin: within };
}
