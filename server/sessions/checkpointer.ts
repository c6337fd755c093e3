import type { Session } from "./session.ts";

/** Of the time between two checkpoints of a session, at most this share goes into writing them. */
const largestShare = 0.05;

/**
 * Makes what sessions have done durable, every so often. One whose checkpoints take long (a wide network) is written less often.
 */
export class Checkpointer {
  readonly #timer: NodeJS.Timeout;

  /** Whose checkpoint waits for a turn: a slow disk must not pile them up. */
  readonly #waiting = new Set<Session>();

  /**
   * @param everyMs - between two checkpoints of a session that trains
   * @param retry - is called now and then for what else could not be stored
   */
  constructor(
    sessions: () => Iterable<Session>,
    everyMs: number,
    onDefect: (error: unknown) => void,
    retry: () => void,
  ) {
    const tick = () => {
      for (const session of sessions()) {
        const { attemptedMs, costMs, isWriting } = session.keeper;
        const dueMs = attemptedMs + Math.max(everyMs, costMs / largestShare);
        if (isWriting || this.#waiting.has(session) || !session.isDirty || performance.now() < dueMs)
          continue;
        this.#waiting.add(session);
        session
          .checkpoint()
          .catch(onDefect)
          .finally(() => this.#waiting.delete(session));
      }
      retry();
    };
    this.#timer = setInterval(tick, Math.max(20, everyMs / 4)).unref();
  }

  stop(): void {
    clearInterval(this.#timer);
  }
}
