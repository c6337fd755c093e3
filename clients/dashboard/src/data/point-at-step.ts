import type { ProgressPoint } from "@grokbox/sdk";
import type { Live } from "@grokbox/sdk/live";
import { Changes } from "./changes.ts";
import { indexAt } from "./point-at.ts";

/** The point that was recorded at a step: exactly, although the points that are held are thinned out. */
export class PointAtStep extends Changes {
  readonly #live: Live;
  readonly #session: string;
  #step: number | undefined;
  #epoch: string | undefined;
  #point: ProgressPoint | undefined;
  #asking: AbortController | undefined;

  constructor(live: Live, session: string) {
    super();
    this.#live = live;
    this.#session = session;
  }

  /** The last one at or before the step; until the server has answered, the last one of those held. */
  get point(): ProgressPoint | undefined {
    return this.#point;
  }

  /**
   * @param epoch - of the log: after a restored snapshot the same step is another one
   * @param held - in order of step
   */
  look(step: number | undefined, epoch: string | undefined, held: readonly ProgressPoint[]): void {
    if (step === undefined) {
      this.stop();
      this.#step = undefined;
      this.#point = undefined;
      return;
    }
    if (step === this.#step && epoch === this.#epoch && this.#point !== undefined) return;
    if (held.length === 0) return;
    this.stop();
    this.#step = step;
    this.#epoch = epoch;
    const index = indexAt(held, step);
    this.#point = held[Math.max(0, index)];
    const following = held[index + 1];
    const [from, to] = [this.#point!, following ?? this.#point!];
    // Between neighbours in the log there is nothing to ask for.
    if (from.step < step && to.sequence - from.sequence > 1) void this.#ask(from.step, step);
  }

  stop(): void {
    this.#asking?.abort();
    this.#asking = undefined;
  }

  async #ask(firstStep: number, lastStep: number): Promise<void> {
    const asking = new AbortController();
    this.#asking = asking;
    try {
      const { points } = await this.#live.window(this.#session, {
        firstStep,
        lastStep,
        signal: asking.signal,
      });
      if (asking.signal.aborted || points.length === 0) return;
      this.#point = points.at(-1);
      this.tell();
    } catch {
      // Given up, or the session is gone, which the page says elsewhere; what is held stays shown, under its own step.
    }
  }
}
