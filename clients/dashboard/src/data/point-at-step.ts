import type { ProgressPoint } from "@grokbox/sdk";
import { Changes } from "./changes.ts";
import { indexAt } from "./point-at.ts";

/** The recorded points from one step to another, both included. */
export type ReadPoints = (
  firstStep: number,
  lastStep: number,
  signal: AbortSignal,
) => Promise<readonly ProgressPoint[]>;

/** The point that was recorded at a step: exactly, although the points that are held are thinned out. */
export class PointAtStep extends Changes {
  readonly #read: ReadPoints;
  #step: number | undefined;
  #epoch: string | undefined;
  #point: ProgressPoint | undefined;
  /** Which one it is has been asked for, or is certain: the log has come past the step. */
  #isSettled = false;
  #asking: AbortController | undefined;

  constructor(read: ReadPoints) {
    super();
    this.#read = read;
  }

  /** The last one at or before the step; until the server has answered, the last one of those held. */
  get point(): ProgressPoint | undefined {
    return this.#point;
  }

  /**
   * @param epoch - of the log: after a restored snapshot the same step is another one
   * @param held - in order of step: of a log that ends before the step, or of its beginning, when more is still to come
   */
  look(step: number | undefined, epoch: string | undefined, held: readonly ProgressPoint[]): void {
    if (step === undefined) {
      this.stop();
      this.#step = undefined;
      this.#point = undefined;
      return;
    }
    if (held.length === 0) return;
    if (step !== this.#step || epoch !== this.#epoch) {
      this.stop();
      this.#step = step;
      this.#epoch = epoch;
      this.#point = undefined;
      this.#isSettled = false;
    }
    if (this.#isSettled) return;
    const index = indexAt(held, step);
    const from = held[Math.max(0, index)]!;
    // Thinning may have taken out a later one that was held before.
    if (this.#point === undefined || from.step > this.#point.step) this.#point = from;
    const following = held[index + 1];
    if (following === undefined) return;
    this.#isSettled = true;
    // Between neighbours in the log there is nothing to ask for.
    if (from.step < step && following.sequence - from.sequence > 1) void this.#ask(from.step, step);
  }

  stop(): void {
    this.#asking?.abort();
    this.#asking = undefined;
  }

  async #ask(firstStep: number, lastStep: number): Promise<void> {
    const asking = new AbortController();
    this.#asking = asking;
    try {
      const points = await this.#read(firstStep, lastStep, asking.signal);
      if (asking.signal.aborted || points.length === 0) return;
      this.#point = points.at(-1);
      this.tell();
    } catch {
      // Given up, or the session is gone, which the page says elsewhere; what is held stays shown, under its own step.
    }
  }
}
