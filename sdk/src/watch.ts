import { type ProgressEnd, ProgressEndReason } from "@grokbox/proto/progress";
import { TrainingService } from "@grokbox/proto/training";
import type { Connection } from "./connection.ts";
import { cancelled, GrokboxError, throwIfCancelled } from "./error.ts";
import { attended } from "./heartbeat.ts";
import { type Known, refuseUnknown } from "./known-keys.ts";
import { Outage } from "./outage.ts";
import { ProgressCursor } from "./progress-cursor.ts";
import type { ProgressEvent } from "./progress-event.ts";
import { join } from "./signals.ts";
import { toOptionalUint64 } from "./uint64.ts";

export interface WatchOptions {
  /** First sequence wanted; 1 for all that is retained. @default only what is recorded from the first `next()` on */
  readonly from?: number | undefined;
  /** The log that `from` counts in: a point's `epoch`. @default the present one */
  readonly epoch?: string | undefined;
  /** End once no run is under way and all points were delivered. @default false */
  readonly untilIdle?: boolean | undefined;
  /** Fails the iteration with the reason `CANCELLED`. */
  readonly signal?: AbortSignal | undefined;
}

const keys: Known<WatchOptions> = { from: true, epoch: true, untilIdle: true, signal: true };

/**
 * The progress of a session. A stream that breaks off, goes silent or ends because the server shuts down is taken up again after the
 * last sequence seen; it is given up when no server answered for the connection's call deadline.
 *
 * @param released - fires when the session's handle is let go: then the iteration ends quietly
 * @throws SESSION_DELETED when the session was deleted meanwhile
 */
export async function* watchProgress(
  connection: Connection,
  session: string,
  options: WatchOptions,
  released?: AbortSignal,
): AsyncGenerator<ProgressEvent, void, undefined> {
  refuseUnknown(options, keys);
  const { from, epoch, untilIdle = false, signal } = options;
  toOptionalUint64(from, "from");
  const cursor = new ProgressCursor(from, epoch ?? "");
  const outage = new Outage(connection);
  const stop = join(signal, released);
  const open = (attempt: AbortSignal) => {
    const fromSequence = toOptionalUint64(cursor.next, "from_sequence");
    const request = { session, fromSequence, epoch: cursor.epoch, untilIdle };
    return connection.stream(TrainingService.method.watchProgress, request, { signal: attempt });
  };
  try {
    for (;;) {
      let failure: GrokboxError | undefined;
      let isDone = false;
      try {
        for await (const { event } of attended(open, connection.heartbeatMs, stop.signal)) {
          if (event.case === "end" && isOver(event.value, session)) isDone = true;
          // The server ends the stream now. To return here would cancel it, and servers count that.
          if (isDone) continue;
          // A stream that only opens and ends again is still an outage.
          if (event.case !== "opened" && event.case !== "end") outage.end();
          // Not `yield*`, which waits twice more for each.
          for (const passed of cursor.take(event)) {
            yield passed;
            throwIfCancelled(stop.signal);
          }
        }
      } catch (error) {
        if (isDone) return;
        if (stop.signal.aborted || !isDrop(error)) throw error;
        failure = error;
      }
      if (isDone) return;
      await outage.wait(failure, stop.signal);
    }
  } catch (error) {
    if (signal?.aborted) throw cancelled(signal);
    if (!released?.aborted) throw error;
  } finally {
    stop.release();
  }
}

/** False when the stream ended only because its server does. */
function isOver({ reason }: ProgressEnd, session: string): boolean {
  if (reason !== ProgressEndReason.DELETED) return reason === ProgressEndReason.IDLE;
  throw new GrokboxError(`${session} was deleted while it was watched`, {
    code: "ABORTED",
    reason: "SESSION_DELETED",
    metadata: { session },
  });
}

/** Nobody answered, or somebody on the way reset the stream, which looks like a cancellation that is not ours. */
export function isDrop(error: unknown): error is GrokboxError {
  return (
    error instanceof GrokboxError &&
    (error.code === "UNAVAILABLE" || (error.code === "CANCELLED" && error.reason !== "CLOSED"))
  );
}
