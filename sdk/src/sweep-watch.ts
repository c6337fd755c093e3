import { SweepEndReason, SweepService } from "@grokbox/proto/sweep";
import type { Connection } from "./connection.ts";
import { cancelled, GrokboxError, throwIfCancelled } from "./error.ts";
import { attended } from "./heartbeat.ts";
import { type Known, refuseUnknown } from "./known-keys.ts";
import { Outage } from "./outage.ts";
import { join } from "./signals.ts";
import { fromSweep, type SweepInfo } from "./sweep-info.ts";
import { fromSweepRun, type SweepRun } from "./sweep-run.ts";
import { toUint64 } from "./uint64.ts";
import { isDrop } from "./watch.ts";

/** How a sweep goes; every second, and more often while runs finish. */
export interface SweepProgress {
  readonly kind: "progress";
  readonly sweep: SweepInfo;
}

export type SweepEvent = SweepRun | SweepProgress;

export interface SweepWatchOptions {
  /** First sequence wanted: one more than the last one that was seen. @default 1 */
  readonly from?: number | undefined;
  /** Fails the iteration with the reason `CANCELLED`. */
  readonly signal?: AbortSignal | undefined;
}

const keys: Known<SweepWatchOptions> = { from: true, signal: true };

/**
 * The finished runs of a sweep in the order in which they finished, those that have already and those to come, and how it goes, until
 * it has finished or was cancelled. A stream that breaks off or ends because the server shuts down is taken up again after the last run
 * seen; it is given up when no server answered for the connection's call deadline.
 *
 * @param released - fires when the sweep's handle is let go: then the iteration ends quietly
 * @throws SWEEP_NOT_FOUND when the sweep was deleted meanwhile
 */
export async function* watchSweep(
  connection: Connection,
  name: string,
  options: SweepWatchOptions,
  released?: AbortSignal,
): AsyncGenerator<SweepEvent, void, undefined> {
  refuseUnknown(options, keys);
  const { from = 1, signal } = options;
  let next = toUint64(from, "from_sequence");
  const outage = new Outage(connection);
  const stop = join(signal, released);
  const open = (attempt: AbortSignal) => {
    const request = { name, fromSequence: next };
    return connection.stream(SweepService.method.watchSweep, request, { signal: attempt });
  };
  try {
    for (;;) {
      let failure: GrokboxError | undefined;
      let isDone = false;
      try {
        for await (const { event } of attended(open, connection.heartbeatMs, stop.signal)) {
          switch (event.case) {
            case "runs":
              outage.end();
              for (const run of event.value.runs) {
                yield fromSweepRun(run);
                throwIfCancelled(stop.signal);
                next = run.sequence + 1n;
              }
              break;
            case "progress":
              outage.end();
              yield { kind: "progress", sweep: fromSweep(event.value) };
              break;
            case "end":
              if (event.value.reason === SweepEndReason.DELETED) throw deleted(name);
              if (event.value.reason === SweepEndReason.SHUTDOWN) break;
              yield { kind: "progress", sweep: fromSweep(event.value.sweep) };
              // The server ends the stream now. To return here would cancel it, and servers count that.
              isDone = true;
              break;
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

function deleted(sweep: string): GrokboxError {
  return new GrokboxError(`${sweep} was deleted while it was watched`, {
    code: "NOT_FOUND",
    reason: "SWEEP_NOT_FOUND",
    metadata: { sweep },
  });
}
