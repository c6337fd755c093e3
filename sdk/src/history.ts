import { TrainingService } from "@grokbox/proto/training";
import type { Connection } from "./connection.ts";
import { type CallOptions, callKeys } from "./deadline.ts";
import { GrokboxError, throwIfCancelled } from "./error.ts";
import { type Known, refuseUnknown } from "./known-keys.ts";
import { fromPoint, type ProgressPoint } from "./progress-point.ts";
import { toUint64 } from "./uint64.ts";

export interface HistoryOptions extends CallOptions {
  /** First sequence wanted. @default the oldest retained */
  readonly from?: number | undefined;
  /** Points an answer, 1 to 10,000. @default 1,000 */
  readonly pageSize?: number | undefined;
}

const keys: Known<HistoryOptions> = { from: true, pageSize: true, ...callKeys };

/**
 * The points recorded so far, oldest first. The deadline is for each page.
 *
 * @throws ABORTED when the session's epoch changed meanwhile, as by a return to a snapshot, so that what was read is no more
 */
export async function* readHistory(
  connection: Connection,
  session: string,
  options: HistoryOptions,
): AsyncGenerator<ProgressPoint, void, undefined> {
  refuseUnknown(options, keys);
  const { from = 0, pageSize = 0 } = options;
  let fromSequence = toUint64(from, "from_sequence");
  let epoch: string | undefined;
  do {
    const request = { session, fromSequence, pageSize };
    const page = await connection.read(TrainingService.method.getHistory, request, options);
    const epochNow = page.retained?.epoch;
    if (epoch !== undefined && epochNow !== epoch) throw replaced(session);
    epoch = epochNow;
    for (const point of page.points) {
      yield fromPoint(point, epoch);
      throwIfCancelled(options.signal);
    }
    fromSequence = page.nextSequence;
  } while (fromSequence !== 0n);
}

function replaced(session: string): GrokboxError {
  const message = `the history of ${session} was replaced while it was read: the session was put back to a snapshot, or went another way than before a crash; ask again`;
  return new GrokboxError(message, { code: "ABORTED", metadata: { session } });
}
