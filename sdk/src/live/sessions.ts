import { type Known, refuseUnknown } from "../known-keys.ts";
import { fromSession, type SessionInfo } from "../session-info.ts";
import { join } from "../signals.ts";
import { type Asking, answers } from "./asking.ts";

export interface LiveSessionsOptions {
  /** Only sessions that carry all of these. */
  readonly labels?: Readonly<Record<string, string>> | undefined;
  /** Changes a second at most, 0.1 to 60. @default 2 */
  readonly updatesPerSecond?: number | undefined;
  /** Fails the iteration with the reason `CANCELLED`. */
  readonly signal?: AbortSignal | undefined;
}

const keys: Known<LiveSessionsOptions> = { labels: true, updatesPerSecond: true, signal: true };

export interface SessionsChange {
  /** All sessions come again: what was told before is to be forgotten. So it is with the first change, and whenever the connection broke. */
  readonly reset: boolean;
  /** New and changed sessions; until `complete`, newest first. */
  readonly changed: readonly SessionInfo[];
  /** Names of sessions that are gone, or carry the labels no more. */
  readonly removed: readonly string[];
  /** All sessions have been told of. */
  readonly complete: boolean;
}

/** See Live.sessions. */
export async function* watchSessions(
  asking: Asking,
  options: LiveSessionsOptions,
): AsyncGenerator<SessionsChange, void, undefined> {
  refuseUnknown(options, keys);
  const { labels = {}, updatesPerSecond = 0, signal } = options;
  let reset = true;
  let isComplete = false;
  const question = () => {
    reset = true;
    isComplete = false;
    return { case: "sessions" as const, value: { labels: { ...labels }, updatesPerSecond } };
  };
  const stop = join(signal);
  try {
    for await (const answer of answers(asking, question, () => false, stop.signal)) {
      if (answer.case !== "sessions") continue;
      const { changed, removed, complete } = answer.value;
      // A sign of life.
      if (changed.length === 0 && removed.length === 0 && isComplete) continue;
      yield { reset, changed: changed.map(fromSession), removed, complete };
      reset = false;
      isComplete = complete;
    }
  } finally {
    stop.abort(undefined);
    stop.release();
  }
}
