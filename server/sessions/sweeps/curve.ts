import type { Measure, ProgressPoint } from "../progress-log.ts";

/** The measures of the four progress panels (paper, figure 14), in the order of a curve's columns. */
export const curveMeasures = [
  "trainLoss",
  "testLoss",
  "trainAccuracy",
  "testAccuracy",
  "ipr",
  "meanAbsSinMisalignment",
  "parameterNorm",
] as const satisfies readonly Measure[];

/** A run's measures at the steps of its sweep's grid, as far as it came: [grid step, measure] row-major, NaN for what is absent. */
export class CurveBuilder {
  readonly #grid: readonly number[];
  readonly #values: number[] = [];

  constructor(grid: readonly number[]) {
    this.#grid = grid;
  }

  /** Takes in a recorded point, in order; one at a step that is not the grid's next is passed over. */
  observe(point: ProgressPoint): void {
    if (point.step !== this.#grid[this.#values.length / curveMeasures.length]) return;
    for (const measure of curveMeasures) this.#values.push(point[measure] ?? Number.NaN);
  }

  bytes(): Uint8Array {
    return new Uint8Array(Float64Array.from(this.#values).buffer);
  }
}

export function curveOf(bytes: Uint8Array): Float64Array {
  // Not `slice`: a Buffer's is a view.
  return new Float64Array(new Uint8Array(bytes).buffer);
}
