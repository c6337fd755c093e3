import { GrokboxError } from "./errors.ts";

/** What a mutating call may leave behind for its repetition, when it was cut short after a part of its effect. */
export type Memo = Record<string, number>;

interface Entry {
  readonly fingerprint: string;
  readonly memo: Memo;
  answer: Promise<unknown> | undefined;
  /** The call is under way, and its entry must stay. */
  pending: boolean;
  expiresMs: number;
}

export interface AnswersOptions {
  /** Ids remembered; the oldest go first. */
  readonly capacity?: number;
  /** For how long an id is remembered after its last use. */
  readonly lifetimeMs?: number;
}

/**
 * Answers by request id: the same id again gets the stored answer, or joins the call under way; with another body it is an error.
 * A failed call leaves no answer, so repeating it tries again; what it noted in its memo it finds again.
 */
export class Answers {
  readonly #entries = new Map<string, Entry>();
  readonly #capacity: number;
  readonly #lifetimeMs: number;

  constructor({ capacity = 10_000, lifetimeMs = 24 * 3_600_000 }: AnswersOptions = {}) {
    this.#capacity = capacity;
    this.#lifetimeMs = lifetimeMs;
  }

  /**
   * @param requestId - empty: `work` is simply done
   * @param fingerprint - of method and body
   */
  async once<T>(
    requestId: string,
    fingerprint: string,
    signal: AbortSignal,
    work: (memo: Memo) => Promise<T>,
  ): Promise<T> {
    if (requestId === "") return work({});
    for (;;) {
      const entry = this.#entry(requestId, fingerprint);
      if (entry.answer === undefined) return this.#work(entry, work);
      try {
        return (await entry.answer) as T;
      } catch (error) {
        // The first caller went away; this one is still here and takes over.
        const abandoned =
          error instanceof GrokboxError &&
          (error.reason === "CANCELLED" || error.reason === "DEADLINE_EXCEEDED");
        if (!abandoned || signal.aborted) throw error;
      }
    }
  }

  async #work<T>(entry: Entry, work: (memo: Memo) => Promise<T>): Promise<T> {
    const answer = work(entry.memo);
    entry.answer = answer;
    entry.pending = true;
    try {
      return await answer;
    } catch (error) {
      entry.answer = undefined;
      throw error;
    } finally {
      entry.pending = false;
    }
  }

  #entry(requestId: string, fingerprint: string): Entry {
    const now = Date.now();
    let entry = this.#entries.get(requestId);
    if (entry !== undefined && entry.expiresMs < now && !entry.pending) entry = undefined;
    if (entry !== undefined && entry.fingerprint !== fingerprint) {
      throw new GrokboxError(
        "REQUEST_ID_REUSED",
        `request_id ${JSON.stringify(requestId)} was used for another request; a new request needs a new id`,
        { request_id: requestId },
        [
          {
            field: "request_id",
            description: "must be unique to one request; it was used with another body",
          },
        ],
      );
    }
    entry ??= { fingerprint, memo: {}, answer: undefined, pending: false, expiresMs: 0 };
    entry.expiresMs = now + this.#lifetimeMs;
    this.#entries.delete(requestId);
    this.#entries.set(requestId, entry);
    for (const [id, old] of this.#entries) {
      if (this.#entries.size <= this.#capacity && old.expiresMs >= now) break;
      if (!old.pending && old !== entry) this.#entries.delete(id);
    }
    return entry;
  }
}
