import { cancelled } from "./errors.ts";

/** How long a slice of training should take; the time within which cancelling, pausing and everybody's turn come. */
export const sliceMs = 10;

/** How far interactive work may get ahead of background work while both wait: the bound of its share is one half. */
const burstMs = 20;

export type Urgency = "interactive" | "background";

interface Turn {
  readonly urgency: Urgency;
  readonly start: () => Promise<void>;
}

/**
 * Hands out the device, one slice at a time. Turns of equal urgency go in order of asking, and a session asks for its next turn only
 * after the last one ended, so sessions alternate. Interactive turns go ahead, and cut a background slice short, as long as they
 * have not had more than their half of the time.
 */
export class Scheduler {
  readonly #waiting: Record<Urgency, Turn[]> = { interactive: [], background: [] };
  #running: { readonly urgency: Urgency; readonly preempt: AbortController } | undefined;
  /** Milliseconds by which interactive work is ahead of background work while both waited. */
  #interactiveLead = 0;

  /**
   * Runs `slice` when its turn comes. The signal that it gets aborts when `signal` does, or when somebody more urgent waits: then
   * it should end early, having kept what it did.
   */
  turn<T>(urgency: Urgency, signal: AbortSignal, slice: (signal: AbortSignal) => Promise<T>): Promise<T> {
    const { promise, resolve, reject } = Promise.withResolvers<T>();
    const turn: Turn = {
      urgency,
      start: async () => {
        signal.removeEventListener("abort", giveUp);
        const preempt = new AbortController();
        const forward = () => preempt.abort();
        signal.addEventListener("abort", forward);
        this.#running = { urgency, preempt };
        const began = performance.now();
        try {
          resolve(await slice(preempt.signal));
        } catch (error) {
          reject(error);
        } finally {
          signal.removeEventListener("abort", forward);
          this.#account(urgency, performance.now() - began);
          this.#running = undefined;
          this.#next();
        }
      },
    };
    const giveUp = () => {
      const queue = this.#waiting[urgency];
      queue.splice(queue.indexOf(turn), 1);
      reject(cancelled(signal));
    };
    if (signal.aborted) return Promise.reject(cancelled(signal));
    signal.addEventListener("abort", giveUp, { once: true });
    this.#waiting[urgency].push(turn);
    if (this.#running === undefined) this.#next();
    else if (
      urgency === "interactive" &&
      this.#running.urgency === "background" &&
      this.#interactiveFirst()
    ) {
      this.#running.preempt.abort();
    }
    return promise;
  }

  #interactiveFirst(): boolean {
    return this.#interactiveLead < burstMs;
  }

  #account(urgency: Urgency, elapsedMs: number): void {
    if (urgency === "background") this.#interactiveLead = Math.max(0, this.#interactiveLead - elapsedMs);
    else if (this.#waiting.background.length > 0) this.#interactiveLead += elapsedMs;
  }

  #next(): void {
    const { interactive, background } = this.#waiting;
    const first = this.#interactiveFirst() ? [interactive, background] : [background, interactive];
    const turn = first[0]!.shift() ?? first[1]!.shift();
    if (turn !== undefined) void turn.start();
  }
}
