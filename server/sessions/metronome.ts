/**
 * Shared beats: whoever waits for the next beat of an interval is woken in the same moment as all others who do, so that they find the
 * same news and share what it costs to tell.
 */
export class Metronome {
  readonly #waiting = new Map<number, Set<() => void>>();

  /** Resolves at the next multiple of the interval, or when `signal` aborts. */
  beat(intervalMs: number, signal: AbortSignal): Promise<void> {
    return new Promise((resolve) => {
      if (signal.aborted) return resolve();
      const waiting = this.#waiting.get(intervalMs) ?? this.#begin(intervalMs);
      const finish = () => {
        waiting.delete(finish);
        signal.removeEventListener("abort", finish);
        resolve();
      };
      waiting.add(finish);
      signal.addEventListener("abort", finish);
    });
  }

  #begin(intervalMs: number): Set<() => void> {
    const waiting = new Set<() => void>();
    this.#waiting.set(intervalMs, waiting);
    const now = performance.now();
    this.#wait(intervalMs, now - (now % intervalMs) + intervalMs);
    return waiting;
  }

  #wait(intervalMs: number, dueMs: number): void {
    setTimeout(
      () => {
        // A timer counts from when the event loop last looked at the clock, so it may be early; the next beat would then be this one again.
        if (performance.now() < dueMs) return this.#wait(intervalMs, dueMs);
        const waiting = this.#waiting.get(intervalMs)!;
        this.#waiting.delete(intervalMs);
        for (const finish of [...waiting]) finish();
      },
      Math.max(1, dueMs - performance.now()),
    ).unref();
  }
}
