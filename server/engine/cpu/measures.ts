import type { SpectralMeasures } from "../../model/spectral-measures.ts";
import { measureColumns } from "./kernel.ts";

/**
 * What the kernel measured of one state.
 *
 * @param values - [points, measureColumns], NaN for a measure that no neuron has
 */
export function spectralMeasures(values: Float64Array, point: number): SpectralMeasures {
  const row = values.subarray(point * measureColumns.length);
  const [iprTheta, iprXi, meanAbsSinMisalignment] = measureColumns.map((_, column) =>
    Number.isNaN(row[column]) ? undefined : row[column],
  );
  const ipr = iprTheta === undefined || iprXi === undefined ? undefined : (iprTheta + iprXi) / 2;
  return { ipr, iprTheta, iprXi, meanAbsSinMisalignment };
}
