import { setTimeout as delay } from "node:timers/promises";
import { cancelled } from "./error.ts";

export interface BackoffOptions {
  /** Upper bound of the first wait, milliseconds. It doubles from wait to wait. @default 100 */
  readonly firstMs?: number | undefined;
  /** Upper bound of every wait, milliseconds. @default 5,000 */
  readonly mostMs?: number | undefined;
}

/**
 * How long to wait before trying again: exponential with full jitter, that is, uniform between 0 and the bound, so that clients which
 * failed together don't come back together.
 */
export class Backoff {
  readonly #firstMs: number;
  readonly #mostMs: number;

  constructor({ firstMs = 100, mostMs = 5_000 }: BackoffOptions = {}) {
    this.#firstMs = firstMs;
    this.#mostMs = mostMs;
  }

  /**
   * @param failures - so far, 1 or more
   * @returns milliseconds
   */
  waitMs(failures: number): number {
    return Math.random() * Math.min(this.#mostMs, this.#firstMs * 2 ** (failures - 1));
  }
}

/** Throws CANCELLED as soon as `signal` fires. */
export async function sleep(ms: number, signal: AbortSignal | undefined): Promise<void> {
  try {
    await delay(ms, undefined, signal === undefined ? {} : { signal });
  } catch (error) {
    throw signal?.aborted ? cancelled(signal) : error;
  }
}
