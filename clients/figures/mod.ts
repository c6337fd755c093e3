export { figures } from "./catalogue.ts";
export type { Drawing, Figure, Source } from "./figure.ts";
export { FigureError } from "./figure-error.ts";
export { holdStill } from "./present.ts";
export { png } from "./render/png.ts";
export { svg } from "./render/svg.ts";
export { sweepFigures } from "./sweeps/catalogue.ts";
export type { SweepDrawing, SweepFigure, SweepSource } from "./sweeps/sweep-figure.ts";
