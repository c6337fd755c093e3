import { GrokboxError } from "./errors.ts";

/** Bytes of states, snapshots and uploads that the server keeps, or of a device's trainers, counted before they are made. */
export class MemoryBudget {
  readonly limitBytes: number;
  readonly #what: string;
  #usedBytes = 0;

  /** @param what - for people, where it is not the server's own memory */
  constructor(limitBytes: number, what = "") {
    this.limitBytes = limitBytes;
    this.#what = what;
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
      const needs = this.#what === "" ? mebibytes(bytes) : `${mebibytes(bytes)} of ${this.#what}`;
      throw new GrokboxError(
        "OUT_OF_MEMORY",
        `${what} needs ${needs}; ${mebibytes(this.limitBytes - this.#usedBytes)} of ${mebibytes(this.limitBytes)} are free`,
        { limit: this.limitBytes },
      );
    }
    this.#usedBytes += bytes;
  }

  release(bytes: number): void {
    this.#usedBytes -= bytes;
  }
}
