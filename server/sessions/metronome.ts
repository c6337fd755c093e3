/**
 * Shared beats: whoever waits for the next beat of an interval is woken in the same moment as all others who do, so that they find the
 * same news and share what it costs to tell.
 */
export class Metronome {
  readonly #beats = new Map<number, Promise<void>>();

  /** Resolves at the next multiple of the interval. */
  beat(intervalMs: number): Promise<void> {
    const awaited = this.#beats.get(intervalMs);
    if (awaited !== undefined) return awaited;
    const beat = new Promise<void>((resolve) => {
      const dueMs = intervalMs - (performance.now() % intervalMs);
      setTimeout(() => {
        this.#beats.delete(intervalMs);
        resolve();
      }, dueMs).unref();
    });
    this.#beats.set(intervalMs, beat);
    return beat;
  }
}
