import { rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { type Figure, figures, png, svg as svgOf } from "@grokbox/figures";
import type { Grokbox, Session } from "@grokbox/sdk";
import type { Picture } from "./report/report-data.ts";
import type { RunName } from "./runs.ts";

const endings = ["svg", "png", "json"] as const;
type Ending = (typeof endings)[number];

interface MissingFigure {
  readonly id: string;
  readonly title: string;
  readonly reason: string;
}

/** Draws the figures of the runs and writes each as SVG, PNG and data into a folder that there is. */
export class Drawings {
  readonly pictures: Picture[] = [];
  readonly #box: Grokbox;
  readonly #folder: string;
  readonly #signal: AbortSignal;

  constructor(box: Grokbox, folder: string, signal: AbortSignal) {
    this.#box = box;
    this.#folder = folder;
    this.#signal = signal;
  }

  /** Removes the figures of an earlier time: one that isn't drawn now must not stay beside those that are. */
  async clear(): Promise<void> {
    const paths = figures.flatMap(({ id }) => endings.map((ending) => this.#path(id, ending)));
    await Promise.all(paths.map((path) => rm(path, { force: true })));
  }

  /** Snapshots that the figures of a run need when it ends at `end`. */
  snapshots(run: RunName, end: number): number[] {
    return this.#of(run).flatMap((figure) => figure.snapshots(end));
  }

  /** Figures of a run that is at its end, or those of no run. */
  async draw(run?: { readonly name: RunName; readonly session: Session }): Promise<void> {
    for (const figure of this.#of(run?.name)) {
      const drawing = await figure.draw({ box: this.#box, session: run?.session, signal: this.#signal });
      const svg = await svgOf(drawing);
      const { id, title, caption, data } = drawing;
      const write = (ending: Ending, content: string | Uint8Array) =>
        writeFile(this.#path(id, ending), content);
      await Promise.all([
        write("svg", svg),
        write("png", await png(svg)),
        write("json", `${JSON.stringify(data)}\n`),
      ]);
      this.pictures.push({ id, title, caption, svg });
    }
  }

  /** Figures of runs that were skipped. */
  missing(skipped: readonly { readonly run: RunName; readonly reason: string }[]): MissingFigure[] {
    return skipped.flatMap(({ run, reason }) =>
      this.#of(run).map(({ id, title }) => ({ id, title, reason })),
    );
  }

  #path(id: string, ending: Ending): string {
    return join(this.#folder, `figure-${id}.${ending}`);
  }

  #of(run: RunName | undefined): Figure[] {
    return figures.filter(({ preset }) => preset === run);
  }
}
