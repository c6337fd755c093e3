import { cancelled, GrokboxError } from "./errors.ts";

/**
 * A bounded first-come-first-served lock: what needs a session's trainer takes turns through it.
 */
export class Lane {
  readonly #name: string;
  readonly #limit: number;
  #held = false;
  #waiting: { readonly enter: () => void; readonly fail: (error: Error) => void }[] = [];
  #closed: Error | undefined;

  /** At most `limit` callers may wait; one more gets QUEUE_FULL. */
  constructor(name: string, limit: number) {
    this.#name = name;
    this.#limit = limit;
  }

  /** Somebody is in it. */
  get busy(): boolean {
    return this.#held;
  }

  /** @param whose - the session's `own` work always gets its place; the limit is for callers */
  async run<T>(signal: AbortSignal, work: () => Promise<T>, whose: "caller" | "own" = "caller"): Promise<T> {
    await this.#enter(signal, whose === "caller");
    try {
      return await work();
    } finally {
      this.#held = false;
      const next = this.#waiting.shift();
      if (next !== undefined) next.enter();
    }
  }

  /** Fails everybody who waits, and who comes later, with `error`. The holder goes on. */
  close(error: Error): void {
    this.#closed = error;
    for (const { fail } of this.#waiting.splice(0)) fail(error);
  }

  #enter(signal: AbortSignal, limited: boolean): Promise<void> {
    if (this.#closed !== undefined) return Promise.reject(this.#closed);
    if (signal.aborted) return Promise.reject(cancelled(signal));
    if (!this.#held) {
      this.#held = true;
      return Promise.resolve();
    }
    if (limited && this.#waiting.length >= this.#limit) {
      return Promise.reject(
        new GrokboxError("QUEUE_FULL", `${this.#limit} calls wait on ${this.#name} already`, {
          session: this.#name,
          limit: this.#limit,
        }),
      );
    }
    return new Promise((resolve, reject) => {
      const leave = () => {
        this.#waiting = this.#waiting.filter((other) => other !== waiter);
        reject(cancelled(signal));
      };
      const waiter = {
        enter: () => {
          signal.removeEventListener("abort", leave);
          this.#held = true;
          resolve();
        },
        fail: (error: Error) => {
          signal.removeEventListener("abort", leave);
          reject(error);
        },
      };
      this.#waiting.push(waiter);
      signal.addEventListener("abort", leave, { once: true });
    });
  }
}
