import { progressBands } from "./progress-bands.ts";
import { stageTimes } from "./stage-times.ts";
import type { SweepFigure } from "./sweep-figure.ts";

/** What any sweep can be drawn as. */
export const sweepFigures: readonly SweepFigure[] = [stageTimes, progressBands];
