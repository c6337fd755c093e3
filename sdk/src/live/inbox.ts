/** Messages that wait for one reader. */
export class Inbox<T> implements AsyncIterable<T> {
  /** As many as a reader may be behind. */
  static readonly capacity = 1_024;

  #messages: T[] = [];
  #end: { readonly failure?: unknown } | undefined;
  #wake: () => void = () => {};

  /** False when it is full, and the message is not taken. After its end, messages are dropped. */
  put(message: T): boolean {
    if (this.#end !== undefined) return true;
    if (this.#messages.length >= Inbox.capacity) return false;
    this.#messages.push(message);
    this.#wake();
    return true;
  }

  /** The reader stops without what still waits. */
  end(): void {
    this.#messages = [];
    this.#end = {};
    this.#wake();
  }

  /** The reader gets what still waits, and then `failure`. */
  fail(failure: unknown): void {
    this.#end ??= { failure };
    this.#wake();
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<T, void, undefined> {
    for (;;) {
      // One by one: what has not been handed over counts, and goes when its reader stops.
      while (this.#messages.length > 0) yield this.#messages.shift()!;
      if (this.#end !== undefined) {
        if ("failure" in this.#end) throw this.#end.failure;
        return;
      }
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
  }
}
