import { catalogue } from "./catalogue.ts";
import type { Measured } from "./measure.ts";
import { Measurements } from "./measurements.ts";
import { publishedModulus, publishedSeed, type RunName, runSteps } from "./runs.ts";
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
  const holds = result.seed === publishedSeed;
  const measurements = measurementsOf(result);
  return catalogue(publishedModulus)
    .filter(({ of, value }) => of === result.run && value !== "")
    .toSorted((a, b) => (a.step ?? 0) - (b.step ?? 0))
    .flatMap(({ id, where, measure, value, tolerance }) => {
      const measured = measurements.get(id);
      if (measured === undefined) return [];
      const within = holds ? isWithin(measured, value, tolerance) : undefined;
      return [
        { where, measure, measured, published: value, tolerance: describe(tolerance), isWithin: within },
      ];
    });
}

/** Of the end only when it is the published one. */
function measurementsOf({ run, steps, curve, activations, end }: Measured): Measurements {
  const measurements = new Measurements();
  const name = run as RunName;
  measurements.addCurve(name, curve);
  if (steps === runSteps[name]) {
    measurements.add(name, "accuracy under", activations);
    measurements.add(name, `step ${steps}`, end);
    measurements.add(name, "stages", end);
  }
  return measurements;
}
