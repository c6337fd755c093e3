import { longestMs } from "./deadline.ts";
import { GrokboxError } from "./error.ts";
import { join } from "./signals.ts";

/** Two heartbeats, and half of one for delays on the way. */
const missedHeartbeats = 2.5;

/**
 * The messages of a stream on which something must come every `heartbeatMs`. Only time spent waiting for the stream counts: a reader may
 * take as long as it likes.
 *
 * @param open - opens the stream; the signal it is given cancels it
 * @throws UNAVAILABLE when two heartbeats in a row did not come
 */
export async function* attended<T>(
  open: (signal: AbortSignal) => AsyncGenerator<T, void, undefined>,
  heartbeatMs: number,
  signal: AbortSignal,
): AsyncGenerator<T, void, undefined> {
  const joined = join(signal);
  const silentMs = Math.min(heartbeatMs * missedHeartbeats, longestMs);
  const silent = new GrokboxError(`nothing came for ${silentMs / 1000} s, not even a heartbeat`, {
    code: "UNAVAILABLE",
  });
  const stream = open(joined.signal);
  try {
    for (;;) {
      const timer = setTimeout(joined.abort, silentMs, silent);
      const result = await stream.next().finally(() => clearTimeout(timer));
      if (result.done) return;
      yield result.value;
    }
  } catch (error) {
    throw joined.signal.reason === silent ? silent : error;
  } finally {
    joined.release();
    await stream.return();
  }
}
