import { setImmediate } from "node:timers/promises";
import type { AdvanceJob } from "./advance-job.ts";

/** Length of a turn, during which no other trainer and no message gets theirs. */
const sliceMs = 10;

/** Advances under way, each for a slice in its turn, with messages let in between. */
export class Turns {
  readonly #waiting: { readonly job: AdvanceJob; readonly settle: (error?: unknown) => void }[] = [];
  #running = false;

  finish(job: AdvanceJob): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#waiting.push({ job, settle: (error) => (error === undefined ? resolve() : reject(error)) });
      if (!this.#running) void this.#run();
    });
  }

  async #run(): Promise<void> {
    this.#running = true;
    for (let turn = this.#waiting.shift(); turn; turn = this.#waiting.shift()) {
      try {
        turn.job.slice(performance.now() + sliceMs);
        if (turn.job.done) turn.settle();
        else this.#waiting.push(turn);
      } catch (error) {
        turn.settle(error);
      }
      await setImmediate();
      this.#settleStopped();
    }
    this.#running = false;
  }

  /** Those that were stopped while they wait need no turn. */
  #settleStopped(): void {
    for (let i = this.#waiting.length - 1; i >= 0; i--) {
      if (this.#waiting[i].job.done) this.#waiting.splice(i, 1)[0].settle();
    }
  }
}
