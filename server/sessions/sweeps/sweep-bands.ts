import type { BandPoint } from "../../model/bands.ts";
import type { Measure } from "../progress-log.ts";
import { curveMeasures, curveOf } from "./curve.ts";
import type { Sweep } from "./sweep.ts";
import type { Sweeps } from "./sweeps.ts";

/** Of one comparison while sorting, roughly, beside a multiply-add. */
const operationsAValue = 30;

export interface MeasureBand {
  readonly measure: Measure;
  readonly points: readonly BandPoint[];
}

/** Bands of every curve measure over the finished runs of one group; see `model/bands.ts`. Large ones are computed off this thread. */
export async function groupBands(
  { registry, analyst }: Sweeps,
  { id, definition, grid }: Sweep,
  group: number,
  signal: AbortSignal,
): Promise<{ readonly runs: number; readonly bands: readonly MeasureBand[] }> {
  const { length } = definition.seeds;
  const { rows } = await registry.store.readSweepRange(id, group * length, (group + 1) * length);
  const curves = rows.map(({ curve }) => curveOf(curve)).filter((curve) => curve.length > 0);
  const operations = curves.reduce((sum, curve) => sum + curve.length, 0) * operationsAValue;
  const columns = curveMeasures.length;
  const all = await analyst.run("bandsOfRuns", { operations, signal }, [...grid], columns, curves);
  const bands = curveMeasures.map((measure, i) => ({ measure, points: all[i]! }));
  return { runs: curves.length, bands: bands.filter(({ points }) => points.length > 0) };
}
