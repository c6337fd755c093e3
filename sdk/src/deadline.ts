import { invalidField, show } from "./error.ts";
import type { Known } from "./known-keys.ts";

/** What every call takes. */
export interface CallOptions {
  /** Gives the call up; it then fails with the reason `CANCELLED`. */
  readonly signal?: AbortSignal | undefined;
  /** For the whole call with all its retries, milliseconds. @default 60,000, or what `Grokbox.connect` was told */
  readonly deadlineMs?: number | undefined;
}

export const callKeys: Known<CallOptions> = { signal: true, deadlineMs: true };

/** 24 days, of which timers and the servers of grpc-js still can count the milliseconds; of more they make none. */
export const longestMs = 24 * 86_400_000;

/** A moment by which something must be over. */
export class Deadline {
  readonly #atMs: number;

  /** @param ms - from now, greater than 0; Infinity for never */
  constructor(ms: number) {
    if (!(typeof ms === "number" && ms > 0))
      throw invalidField("deadlineMs", "must be greater than 0", show(ms));
    this.#atMs = performance.now() + ms;
  }

  /** Milliseconds left, 0 to 24 days: without a deadline a server imposes its own. */
  get leftMs(): number {
    return Math.min(Math.max(0, this.#atMs - performance.now()), longestMs);
  }
}
