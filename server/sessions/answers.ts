import { GrokboxError } from "./errors.ts";
import { Receipt } from "./receipt.ts";

interface Entry {
  readonly receipt: Receipt;
  /** The call that is under way. */
  pending: Promise<Uint8Array> | undefined;
}

export interface AnswersOptions {
  /** Ids remembered; the oldest go first. */
  readonly capacity?: number;
}

/**
 * Answers by request id: the same id again gets the stored answer, or joins the call under way; with another body it is an error.
 * A failed call leaves no answer, so repeating it tries again; what it noted in its memo it finds again.
 */
export class Answers {
  readonly #entries = new Map<string, Entry>();
  readonly #capacity: number;

  constructor({ capacity = 10_000 }: AnswersOptions = {}) {
    this.#capacity = capacity;
  }

  /** Takes in what an earlier process left, oldest first. */
  restore(receipts: Iterable<Receipt>): void {
    for (const receipt of receipts) this.#entries.set(receipt.requestId, { receipt, pending: undefined });
  }

  /**
   * @param requestId - empty: `work` is simply done
   * @param fingerprint - of method and body
   * @param work - its result, the answer's wire form, is put on the receipt
   */
  async once(
    { requestId, fingerprint, method }: Pick<Receipt, "requestId" | "fingerprint" | "method">,
    signal: AbortSignal,
    work: (receipt: Receipt) => Promise<Uint8Array>,
  ): Promise<Uint8Array> {
    if (requestId === "") return work(new Receipt("", fingerprint, method));
    for (;;) {
      const entry = this.#entry(requestId, fingerprint, method);
      if (entry.pending === undefined) return entry.receipt.response ?? this.#work(entry, work);
      try {
        return await entry.pending;
      } catch (error) {
        // The first caller went away; this one is still here and takes over.
        const abandoned =
          error instanceof GrokboxError &&
          (error.reason === "CANCELLED" || error.reason === "DEADLINE_EXCEEDED");
        if (!abandoned || signal.aborted) throw error;
      }
    }
  }

  async #work(entry: Entry, work: (receipt: Receipt) => Promise<Uint8Array>): Promise<Uint8Array> {
    const { receipt } = entry;
    entry.pending = work(receipt);
    try {
      const response = await entry.pending;
      receipt.respond(response);
      return response;
    } catch (error) {
      receipt.withdraw();
      throw error;
    } finally {
      entry.pending = undefined;
    }
  }

  #entry(requestId: string, fingerprint: string, method: string): Entry {
    const now = Date.now();
    let entry = this.#entries.get(requestId);
    if (entry !== undefined && entry.receipt.expiresMs < now && entry.pending === undefined)
      entry = undefined;
    if (entry !== undefined && entry.receipt.fingerprint !== fingerprint) {
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
    entry ??= { receipt: new Receipt(requestId, fingerprint, method), pending: undefined };
    entry.receipt.touch();
    this.#entries.delete(requestId);
    this.#entries.set(requestId, entry);
    for (const [id, old] of this.#entries) {
      if (this.#entries.size <= this.#capacity && old.receipt.expiresMs >= now) break;
      if (old.pending === undefined && old !== entry) this.#entries.delete(id);
    }
    return entry;
  }
}
