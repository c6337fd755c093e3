import type { ProgressPoint } from "@grokbox/sdk";
import type { Live } from "@grokbox/sdk/live";
import { Changes } from "./changes.ts";
import { indexAt } from "./point-at.ts";

/** Points of the first window, and no fewer of the others: enough for one of the few decades that a logarithmic axis shows. */
const perWindow = 256;

/** From one window to the next, this much more of the log. */
const growth = 4;

/**
 * The beginning of a session's progress, closer together than what is held of it. That is thinned out evenly, as for a linear axis, while a
 * logarithmic one shows the first steps as widely as all the others.
 */
export class Beginning extends Changes {
  readonly #live: Live;
  readonly #session: string;
  #epoch: string | undefined;
  /** Sequences up to which windows have been asked for. */
  #reach = 0;
  #points: readonly ProgressPoint[] = [];
  #asking: AbortController | undefined;

  constructor(live: Live, session: string) {
    super();
    this.#live = live;
    this.#session = session;
  }

  /** What is held, with what lies between its first points; in order of step. */
  join(held: readonly ProgressPoint[]): readonly ProgressPoint[] {
    const last = this.#points.at(-1);
    if (last === undefined) return held;
    return [...this.#points, ...held.slice(indexAt(held, last.step) + 1)];
  }

  /** @param stride - of what is held: with more than 1, points are left out */
  look(epoch: string | undefined, held: readonly ProgressPoint[], stride: number): void {
    if (epoch !== this.#epoch) {
      this.stop();
      this.#epoch = epoch;
      this.#reach = 0;
      this.#points = [];
    }
    // What is held begins to be as close as the last window was at this sequence.
    if (this.#asking !== undefined || stride * perWindow <= this.#reach || stride === 1) return;
    const reach = Math.max(perWindow, this.#reach * growth);
    const end = held.find(({ sequence }) => sequence >= reach);
    if (end !== undefined) void this.#ask(reach, end.step);
  }

  stop(): void {
    this.#asking?.abort();
    this.#asking = undefined;
  }

  async #ask(reach: number, lastStep: number): Promise<void> {
    const asking = new AbortController();
    this.#asking = asking;
    try {
      const range = { firstStep: this.#points.at(-1)?.step ?? 0, lastStep, maxPoints: 2 * perWindow };
      const { points } = await this.#live.window(this.#session, { ...range, signal: asking.signal });
      if (asking.signal.aborted) return;
      const last = this.#points.at(-1)?.step ?? -1;
      this.#points = [...this.#points, ...points.filter(({ step }) => step > last)];
      this.#reach = reach;
      this.#asking = undefined;
      this.tell();
    } catch {
      // Given up, or the session is gone. Without its beginning the curve is coarser there, and nothing else.
    }
  }
}
