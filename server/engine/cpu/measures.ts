import type { SpectralMeasures } from "../../model/spectral-measures.ts";
import { measureColumns } from "./kernel.ts";

/**
 * What the kernel measured of one state.
 *
 * @param values - [points, measureColumns], NaN for a measure that no neuron has
 */
export function spectralMeasures(values: Float64Array, point: number): SpectralMeasures {
  const row = point * measureColumns.length;
  // In the order of the columns.
  const iprTheta = present(values[row]);
  const iprXi = present(values[row + 1]);
  return {
    ipr: iprTheta === undefined || iprXi === undefined ? undefined : (iprTheta + iprXi) / 2,
    iprTheta,
    iprXi,
    meanAbsSinMisalignment: present(values[row + 2]),
    thetaCosineFit: present(values[row + 3]),
    xiCosineFit: present(values[row + 4]),
  };
}

const present = (value: number) => (Number.isNaN(value) ? undefined : value);
