import { cancelled } from "./error.ts";
import { type Known, refuseUnknown } from "./known-keys.ts";
import { onAbort } from "./signals.ts";

export interface BackoffOptions {
  /** Upper bound of the first wait, milliseconds. It doubles from wait to wait. @default 100 */
  readonly firstMs?: number | undefined;
  /** Upper bound of every wait, milliseconds. @default 5,000 */
  readonly mostMs?: number | undefined;
}

const keys: Known<BackoffOptions> = { firstMs: true, mostMs: true };

/**
 * How long to wait before trying again: exponential with full jitter, that is, uniform between 0 and the bound, so that clients which
 * failed together don't come back together.
 */
export class Backoff {
  readonly #firstMs: number;
  readonly #mostMs: number;

  constructor(options: BackoffOptions = {}) {
    refuseUnknown(options, keys, "backoff");
    const { firstMs = 100, mostMs = 5_000 } = options;
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
export function sleep(ms: number, signal: AbortSignal | undefined): Promise<void> {
  return new Promise((resolve, reject) => {
    if (signal?.aborted) return reject(cancelled(signal));
    const timer = setTimeout(() => {
      ignore?.();
      resolve();
    }, ms);
    const ignore =
      signal &&
      onAbort(signal, () => {
        clearTimeout(timer);
        reject(cancelled(signal));
      });
  });
}
