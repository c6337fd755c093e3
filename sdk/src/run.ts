import type { ProgressEvent, ProgressGap, ProgressReset } from "./progress-event.ts";
import type { ProgressPoint } from "./progress-point.ts";
import type { SessionInfo } from "./session-info.ts";

/** A progress point of a run. */
export interface RunPoint extends ProgressPoint {
  /** Points right before this one that were missed, because they left the retained history. */
  readonly gapBefore?: ProgressGap;
  /** The session's log was replaced right before this point. */
  readonly resetBefore?: ProgressReset;
}

/** What a run needs of its session's handle. */
export interface RunHost {
  /** Starts the run. Resolves to the session, running, and the newest sequence before the run, with the epoch of the log that it counts in. */
  start(): Promise<{ info: SessionInfo; newestSequence: number; epoch: string }>;
  /** Ends when no run is under way and all points were delivered. */
  watch(from: number, epoch?: string): AsyncIterable<ProgressEvent>;
  /** The session as it is now. */
  refresh(): Promise<SessionInfo>;
  /** Fires when the handle is let go. */
  readonly released: AbortSignal;
}

/**
 * A run in the background, started as soon as it is made. Iterate it for its progress from its beginning on, each time anew; leaving the
 * loop stops watching, and the run goes on until it is paused.
 *
 * When it can't be started, `started`, `finished` and the iteration all fail with the same error.
 */
export class Run implements AsyncIterable<RunPoint> {
  /** The session when the run had been started. */
  readonly started: Promise<SessionInfo>;
  readonly #host: RunHost;
  readonly #before: Promise<{ newestSequence: number; epoch: string }>;
  #finished: Promise<SessionInfo> | undefined;

  constructor(host: RunHost) {
    this.#host = host;
    const starting = host.start();
    this.started = handled(starting.then(({ info }) => info));
    this.#before = handled(starting);
  }

  /**
   * The session once the run is over, for whatever reason: `stopReason.kind` tells which. A run that diverged resolves too, with
   * `diverged`: its session is at its last good step. Fails when the session is deleted, when no server answers any more, and
   * when the handle is let go before.
   */
  get finished(): Promise<SessionInfo> {
    this.#finished ??= handled(this.#follow());
    return this.#finished;
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<RunPoint, void, undefined> {
    let before: { gapBefore?: ProgressGap; resetBefore?: ProgressReset } = {};
    const { newestSequence, epoch } = await this.#before;
    for await (const event of this.#host.watch(newestSequence + 1, epoch)) {
      if (event.kind === "gap") before = { ...before, gapBefore: event };
      else if (event.kind === "reset") before = { resetBefore: event };
      else {
        yield { ...event, ...before };
        before = {};
      }
    }
  }

  async #follow(): Promise<SessionInfo> {
    await this.started;
    for (;;) {
      // No point is wanted, only the end.
      for await (const _ of this.#host.watch(Number.MAX_SAFE_INTEGER));
      this.#host.released.throwIfAborted();
      const info = await this.#host.refresh();
      // Somebody started another run as soon as this one was over; what ended this one is not told until that ends too.
      if (info.run === undefined) return info;
    }
  }
}

/** A failure that nobody waits for is no crash: it is told to whoever asks. */
function handled<T>(promise: Promise<T>): Promise<T> {
  promise.catch(() => {});
  return promise;
}
