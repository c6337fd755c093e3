import type { ProgressPoint } from "@grokbox/sdk";
import { isReason } from "@grokbox/sdk";
import { ProgressSeries } from "@grokbox/sdk/live";
import type { Box } from "./box.ts";
import { Changes } from "./changes.ts";
import { idOf } from "./session-calls.ts";

/** How much of a session's progress is wanted, and how often. */
export interface WatchDetail {
  /** First sequence; 1 for all that is retained. */
  readonly from: number;
  /** Points to hold at most. */
  readonly maxPoints: number;
  readonly updatesPerSecond: number;
}

/** For longer than this nobody looks before the server is told to stop sending. */
const patienceMs = 5_000;

/** The progress of one session, kept up to date while somebody can see it. */
export class ProgressWatch extends Changes {
  readonly #box: Box;
  readonly #session: string;
  readonly #detail: WatchDetail;
  #series = new ProgressSeries();
  #following: AbortController | undefined;
  #isDeleted = false;
  #patience: ReturnType<typeof setTimeout> | undefined;

  constructor(box: Box, session: string, detail: WatchDetail) {
    super();
    this.#box = box;
    this.#session = session;
    this.#detail = detail;
  }

  /** In order of sequence, thinned out, the newest last. */
  get points(): readonly ProgressPoint[] {
    return this.#series.points;
  }

  get latest(): ProgressPoint | undefined {
    return this.#series.points.at(-1);
  }

  /** Of the points held: 1 when none is left out. */
  get stride(): number {
    return this.#series.stride;
  }

  /** Of the log that the points are in. */
  get epoch(): string | undefined {
    return this.#series.epoch;
  }

  get isDeleted(): boolean {
    return this.#isDeleted;
  }

  start(): void {
    document.addEventListener("visibilitychange", this.#onVisibility);
    this.#onVisibility();
  }

  stop(): void {
    document.removeEventListener("visibilitychange", this.#onVisibility);
    clearTimeout(this.#patience);
    this.#following?.abort();
    this.#following = undefined;
  }

  readonly #onVisibility = (): void => {
    clearTimeout(this.#patience);
    if (!document.hidden) this.#follow();
    else {
      this.#patience = setTimeout(() => {
        this.#following?.abort();
        this.#following = undefined;
      }, patienceMs);
    }
  };

  async #follow(): Promise<void> {
    if (this.#following !== undefined || this.#isDeleted) return;
    const following = new AbortController();
    this.#following = following;
    // What was held stays in sight until the first of what follows is there.
    const series = new ProgressSeries();
    try {
      for await (const event of this.#box.live.watch(this.#session, {
        ...this.#detail,
        signal: following.signal,
      })) {
        series.take(event);
        if (series.points.length > 0) this.#series = series;
        this.tell();
      }
    } catch (error) {
      if (following.signal.aborted) return;
      if (isReason(error, "SESSION_DELETED") || isReason(error, "SESSION_NOT_FOUND")) {
        this.#isDeleted = true;
        this.tell();
      } else this.#box.problems.show(`Can't follow ${idOf(this.#session)}`, error);
    }
  }
}
