import { ProgressEndReason } from "@grokbox/proto/progress";
import { GrokboxError } from "../error.ts";
import { type Known, refuseUnknown } from "../known-keys.ts";
import type { ProgressGap, ProgressReset } from "../progress-event.ts";
import { fromPoint, type ProgressPoint } from "../progress-point.ts";
import { join } from "../signals.ts";
import { fromUint64, toOptionalUint64 } from "../uint64.ts";
import { type Asking, answers } from "./asking.ts";

/** Some points, in order. */
export interface LiveBatch {
  readonly kind: "batch";
  /** The log that their sequences count in. */
  readonly epoch: string;
  /** A power of two. Of sequences that are not 1 more than a multiple of it only the newest comes. 1: every point. */
  readonly stride: number;
  readonly points: readonly ProgressPoint[];
}

export type LiveProgress = LiveBatch | ProgressGap | ProgressReset;

export interface LiveWatchOptions {
  /** First sequence wanted; 1 for all that is retained. @default only what is recorded from now on */
  readonly from?: number | undefined;
  /** The log that `from` counts in. @default the present one */
  readonly epoch?: string | undefined;
  /** As many points as the viewer wants to hold, 2 to 1,000,000: more are thinned out. @default every point */
  readonly maxPoints?: number | undefined;
  /** Batches a second at most, 0.1 to 60. @default 10 */
  readonly updatesPerSecond?: number | undefined;
  /** End once no run is under way and all points were delivered. @default false */
  readonly untilIdle?: boolean | undefined;
  /** Fails the iteration with the reason `CANCELLED`. */
  readonly signal?: AbortSignal | undefined;
}

const keys: Known<LiveWatchOptions> = {
  from: true,
  epoch: true,
  maxPoints: true,
  updatesPerSecond: true,
  untilIdle: true,
  signal: true,
};

/** See Live.watch. */
export async function* watchLive(
  asking: Asking,
  session: string,
  options: LiveWatchOptions,
): AsyncGenerator<LiveProgress, void, undefined> {
  refuseUnknown(options, keys);
  const { from, epoch = "", maxPoints = 0, updatesPerSecond = 0, untilIdle = false, signal } = options;
  toOptionalUint64(from, "from");
  const place = { next: from === undefined ? undefined : Math.max(1, from), epoch, first: 0, stride: 1 };
  const question = () => ({
    case: "progress" as const,
    value: {
      session,
      ...(place.next === undefined ? {} : { fromSequence: BigInt(place.next) }),
      epoch: place.epoch,
      maxPoints,
      stride: BigInt(place.stride),
      firstSequence: BigInt(place.first),
      updatesPerSecond,
      untilIdle,
    },
  });
  const stop = join(signal);
  try {
    for await (const answer of answers(asking, question, (last) => isEnd(last, session), stop.signal)) {
      switch (answer.case) {
        case "opened": {
          const oldest = fromUint64(answer.value.oldestSequence);
          const isReplaced = place.epoch !== "" && place.epoch !== answer.value.epoch;
          place.epoch = answer.value.epoch;
          if (isReplaced) {
            Object.assign(place, { next: Math.max(1, oldest), first: 0, stride: 1 });
            yield { kind: "reset", epoch: place.epoch };
          }
          place.next ??= fromUint64(answer.value.newestSequence) + 1;
          break;
        }
        case "gap": {
          const lastSequence = fromUint64(answer.value.lastSequence);
          yield { kind: "gap", firstSequence: fromUint64(answer.value.firstSequence), lastSequence };
          place.next = lastSequence + 1;
          break;
        }
        case "batch": {
          const { next = 1 } = place;
          const points = answer.value.points
            .map((point) => fromPoint(point, place.epoch))
            .filter(({ sequence }) => sequence >= next);
          const newest = points.at(-1);
          if (newest === undefined) break;
          place.next = newest.sequence + 1;
          place.first ||= points[0]!.sequence;
          place.stride = fromUint64(answer.value.stride);
          yield { kind: "batch", epoch: place.epoch, stride: place.stride, points };
        }
      }
    }
  } finally {
    stop.abort(undefined);
    stop.release();
  }
}

type End = Parameters<Parameters<typeof answers>[2]>[0];

/** False when the stream ended only because its server does. */
function isEnd(answer: End, session: string): boolean {
  if (answer.case !== "end") return false;
  if (answer.value.reason !== ProgressEndReason.DELETED)
    return answer.value.reason === ProgressEndReason.IDLE;
  throw new GrokboxError(`${session} was deleted while it was watched`, {
    code: "ABORTED",
    reason: "SESSION_DELETED",
    metadata: { session },
  });
}
