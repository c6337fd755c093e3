import { sleep } from "./backoff.ts";
import type { Connection } from "./connection.ts";
import { Deadline } from "./deadline.ts";
import { GrokboxError } from "./error.ts";

/** How long a stream has been broken, and whether to go on trying. */
export class Outage {
  readonly #connection: Connection;
  #failures = 0;
  #patience: Deadline | undefined;

  constructor(connection: Connection) {
    this.#connection = connection;
  }

  /** Something came. */
  end(): void {
    this.#failures = 0;
    this.#patience = undefined;
  }

  /** Waits before the next attempt. Throws `failure` instead when the connection's call deadline passed since anything came. */
  async wait(failure: GrokboxError | undefined, signal: AbortSignal): Promise<void> {
    this.#patience ??= new Deadline(this.#connection.callDeadlineMs);
    const waitMs = Math.max(this.#connection.backoff.waitMs(++this.#failures), failure?.retryDelayMs ?? 0);
    if (waitMs >= this.#patience.leftMs) {
      throw failure ?? new GrokboxError("the server keeps ending the stream", { code: "UNAVAILABLE" });
    }
    await sleep(waitMs, signal);
  }
}
