import { GrokboxError } from "./errors.ts";

/** Bytes of states, snapshots and uploads that the server keeps, counted before they are made. */
export class MemoryBudget {
  readonly limitBytes: number;
  #usedBytes = 0;

  constructor(limitBytes: number) {
    this.limitBytes = limitBytes;
  }

  get usedBytes(): number {
    return this.#usedBytes;
  }

  fits(bytes: number): boolean {
    return this.#usedBytes + bytes <= this.limitBytes;
  }

  /** Sets bytes aside, or fails with OUT_OF_MEMORY. */
  reserve(bytes: number, what: string): void {
    if (this.#usedBytes + bytes > this.limitBytes) {
      const mebibytes = (n: number) => `${(n / 2 ** 20).toFixed(1)} MiB`;
      throw new GrokboxError(
        "OUT_OF_MEMORY",
        `${what} needs ${mebibytes(bytes)}; ${mebibytes(this.limitBytes - this.#usedBytes)} of ${mebibytes(this.limitBytes)} are free`,
        { limit: this.limitBytes },
      );
    }
    this.#usedBytes += bytes;
  }

  release(bytes: number): void {
    this.#usedBytes -= bytes;
  }
}
