import type { Metronome } from "./metronome.ts";
import type { Cursor, ProgressPoint } from "./progress-log.ts";
import type { Session } from "./session.ts";
import { strideFor, type Thinning } from "./thinning.ts";

/** Silence after which a watcher is told that all is well. */
const heartbeatMs = 5_000;

/** Points a message. */
export const batchPoints = 256;

export type WatchEvent =
  | { readonly kind: "opened"; readonly epoch: string; readonly oldest: number; readonly newest: number }
  | { readonly kind: "batch"; readonly points: readonly ProgressPoint[]; readonly stride: number }
  | { readonly kind: "heartbeat"; readonly newest: number; readonly step: number }
  | { readonly kind: "gap"; readonly first: number; readonly last: number }
  | { readonly kind: "end"; readonly reason: "deleted" | "shutdown" | "idle"; readonly newest: number };

export interface WatchOptions {
  /** First sequence wanted; left out: only what is recorded from now on. */
  readonly from?: number;
  /** The epoch that `from` belongs to; when it is another one's, the stream starts at the oldest retained point. */
  readonly epoch?: string;
  /** End once no job is under way and all points were sent. */
  readonly untilIdle: boolean;
  /** @default every point */
  readonly thinning?: Thinning;
  /** How often to tell of new points. @default as soon as there are any */
  readonly pace?: { readonly metronome: Metronome; readonly intervalMs: number };
}

/**
 * The progress of a session from a sequence number on. A watcher is a cursor: it costs nothing while nobody takes the next event, and
 * is told of the points that it missed.
 */
export async function* watch(
  session: Session,
  options: WatchOptions,
  signal: AbortSignal,
): AsyncGenerator<WatchEvent> {
  const { log } = session;
  const cursor: Cursor = { next: Math.max(1, options.from ?? log.newest + 1) };
  log.cursors.add(cursor);
  try {
    yield* follow(session, cursor, options, signal);
  } finally {
    log.cursors.delete(cursor);
    session.restLog();
  }
}

function opened({ epoch, log: { oldest, newest } }: Session): WatchEvent {
  return { kind: "opened", epoch, oldest, newest };
}

async function* follow(
  session: Session,
  cursor: Cursor,
  { untilIdle, thinning, pace, ...options }: WatchOptions,
  signal: AbortSignal,
): AsyncGenerator<WatchEvent> {
  const { log } = session;
  let stride = thinning?.stride ?? 1;
  /** Sequence of the first point that the watcher holds; 0 while it holds none. */
  let first = thinning?.first ?? 0;
  let spoke = performance.now();
  /** That the above belong to. */
  let epoch = options.epoch ?? session.epoch;
  let isOpened = false;
  while (!signal.aborted) {
    if (session.epoch !== epoch) {
      // What the watcher has of later points, and it may be of all, is no longer so: the session was put back to a snapshot, say.
      epoch = session.epoch;
      cursor.next = Math.max(1, log.oldest);
      stride = 1;
      first = 0;
      isOpened = false;
    }
    if (!isOpened) {
      isOpened = true;
      yield opened(session);
      continue;
    }
    // Read before the points are: what ends a stream comes after its last point.
    const { ended } = session;
    const idle = untilIdle && !session.isTraining;
    if (cursor.next < log.oldest) {
      yield { kind: "gap", first: cursor.next, last: log.oldest - 1 };
      cursor.next = log.oldest;
    }
    if (thinning !== undefined) {
      // It holds on to points that are no longer retained.
      stride = strideFor(first || cursor.next, log.newest, thinning.maxPoints, stride);
    }
    if (!log.isLoaded && cursor.next <= log.newest && ended === undefined) {
      // They stay until the cursor has passed them.
      await session.withLog(() => {});
      continue;
    }
    const points = log.isLoaded ? log.read(cursor.next, batchPoints, { stride }) : [];
    if (points.length > 0) {
      cursor.next = points.at(-1)!.sequence + 1;
      first ||= points[0]!.sequence;
      spoke = performance.now();
      yield { kind: "batch", points, stride };
      if (pace !== undefined && cursor.next > log.newest) await pace.metronome.beat(pace.intervalMs, signal);
    } else if (ended !== undefined || idle) {
      yield { kind: "end", reason: ended ?? "idle", newest: log.newest };
      return;
    } else {
      session.restLog();
      const waitMs = Math.max(0, spoke + heartbeatMs - performance.now());
      if ((await log.changed(waitMs, signal, pace !== undefined)) === "changed") continue;
      spoke = performance.now();
      yield { kind: "heartbeat", newest: log.newest, step: session.step };
    }
  }
}
