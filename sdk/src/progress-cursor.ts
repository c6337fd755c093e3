import type { WatchProgressResponse } from "@grokbox/proto/training";
import type { ProgressEvent, ProgressGap } from "./progress-event.ts";
import { fromPoint } from "./progress-point.ts";
import { fromUint64 } from "./uint64.ts";

/**
 * A place in a session's log, and what passes it. Over any number of streams each point comes once and in order, and what doesn't come is
 * shown as a gap, whether the server announced it or not.
 */
export class ProgressCursor {
  /** Sequence to ask for next; undefined: only what is recorded from now on. */
  next: number | undefined;
  /** Empty before it is known. */
  epoch: string;

  constructor(from: number | undefined, epoch: string) {
    this.next = from === undefined ? undefined : Math.max(1, from);
    this.epoch = epoch;
  }

  *take(event: WatchProgressResponse["event"]): Generator<ProgressEvent, void, undefined> {
    switch (event.case) {
      case "opened":
        yield* this.#open(
          event.value.epoch,
          fromUint64(event.value.oldestSequence),
          fromUint64(event.value.newestSequence),
        );
        break;
      case "gap": {
        const next = fromUint64(event.value.lastSequence) + 1;
        if (next > this.#wanted) yield this.#miss(next);
        break;
      }
      case "batch":
        for (const message of event.value.points) {
          const point = fromPoint(message, this.epoch);
          if (point.sequence < this.#wanted) continue;
          if (point.sequence > this.#wanted) yield this.#miss(point.sequence);
          this.next = point.sequence + 1;
          yield point;
        }
    }
  }

  *#open(epoch: string, oldest: number, newest: number): Generator<ProgressEvent, void, undefined> {
    const replaced = this.epoch !== "" && this.epoch !== epoch;
    this.epoch = epoch;
    if (replaced) {
      this.next = Math.max(1, oldest);
      yield { kind: "reset", epoch };
    }
    this.next ??= newest + 1;
  }

  /** The points before `sequence`, which is greater than the wanted one, have not come and will not come. */
  #miss(sequence: number): ProgressGap {
    const firstSequence = this.#wanted;
    this.next = sequence;
    return { kind: "gap", firstSequence, lastSequence: sequence - 1 };
  }

  get #wanted(): number {
    return this.next ?? 1;
  }
}
