import type { Cursor } from "./progress-log.ts";
import type { Session } from "./session.ts";
import { strideFor } from "./thinning.ts";
import { batchPoints, type WatchEvent } from "./watch.ts";

export interface WindowOptions {
  readonly firstStep: number;
  /** @default up to the newest point */
  readonly lastStep?: number;
  /** Points to give at most. @default all */
  readonly maxPoints?: number;
}

export type WindowEvent =
  | Extract<WatchEvent, { kind: "opened" | "gap" | "batch" }>
  | { readonly kind: "done" };

/**
 * The recorded points between two steps, both included, read as they are asked for. A gap tells of points that left the retained history,
 * and may have been of the window. When its epoch changes meanwhile, another `opened` begins it all again.
 */
export async function* progressWindow(
  session: Session,
  options: WindowOptions,
  signal: AbortSignal,
): AsyncGenerator<WindowEvent> {
  const { log } = session;
  // The points stay loaded while this holds a place among them.
  const cursor: Cursor = { next: log.newest + 1, wantsAll: true };
  log.cursors.add(cursor);
  try {
    await session.withLog(() => {});
    let epoch: string;
    do {
      epoch = session.epoch;
      yield* readOnce(session, cursor, options, signal);
    } while (session.epoch !== epoch && !signal.aborted);
    yield { kind: "done" };
  } finally {
    log.cursors.delete(cursor);
    session.restLog();
  }
}

/** Ends early when the epoch changes. */
async function* readOnce(
  session: Session,
  cursor: Cursor,
  { firstStep, lastStep = Number.POSITIVE_INFINITY, maxPoints = Number.POSITIVE_INFINITY }: WindowOptions,
  signal: AbortSignal,
): AsyncGenerator<WindowEvent> {
  const { log, epoch } = session;
  cursor.next = log.sequenceAt(firstStep);
  const last = log.sequenceAt(lastStep + 1) - 1;
  const stride = strideFor(cursor.next, Math.max(cursor.next, last), maxPoints);
  const isTruncated = cursor.next === log.oldest && log.oldest > 1;
  yield { kind: "opened", epoch, oldest: log.oldest, newest: log.newest };
  if (isTruncated && session.epoch === epoch) yield { kind: "gap", first: 1, last: cursor.next - 1 };
  while (cursor.next <= last && session.epoch === epoch && !signal.aborted) {
    if (cursor.next < log.oldest) {
      yield { kind: "gap", first: cursor.next, last: log.oldest - 1 };
      cursor.next = log.oldest;
      continue;
    }
    const points = log.read(cursor.next, batchPoints, { stride, last });
    cursor.next = points.at(-1)!.sequence + 1;
    yield { kind: "batch", points, stride };
  }
}
