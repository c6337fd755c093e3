import type { Sweep } from "@grokbox/sdk";
import type { TopLevelSpec } from "vega-lite";
import type { Drawing } from "../figure.ts";

/** What a figure of a sweep is drawn from: the runs that have finished by now. */
export interface SweepSource {
  readonly sweep: Sweep;
  /** Of figures that tell groups apart: which, from 0. @default the first few */
  readonly groups?: readonly number[] | undefined;
  readonly signal?: AbortSignal | undefined;
}

/** A figure of a sweep's runs, which any sweep can be drawn as. */
export interface SweepFigure {
  readonly id: "stages" | "bands";
  readonly title: string;
  /** What to see in it. */
  readonly caption: string;
  /** @throws FigureError when the sweep hasn't what it needs */
  draw(source: SweepSource): Promise<SweepDrawing>;
}

export interface SweepDrawing extends Omit<Drawing, "session" | "steps"> {
  /** sweeps/{id} that it shows. */
  readonly sweep: string;
}

interface Definition<D extends object> extends Pick<SweepFigure, "id" | "title" | "caption"> {
  read(source: SweepSource): Promise<D>;
  plot(data: D): TopLevelSpec;
}

export function sweepFigure<D extends object>({
  id,
  title,
  caption,
  read,
  plot,
}: Definition<D>): SweepFigure {
  return {
    ...{ id, title, caption },
    draw: async (source) => {
      await source.sweep.refresh({ signal: source.signal });
      const data = await read(source);
      return { id, title, caption, sweep: source.sweep.name, data, spec: plot(data) };
    },
  };
}
