import { answersKept } from "../store/answers-kept.ts";
import { cancelled, GrokboxError } from "./errors.ts";
import { Receipt } from "./receipt.ts";

interface Entry {
  readonly receipt: Receipt;
  /** The call that is under way. */
  pending: Promise<Uint8Array> | undefined;
  /** Of its answer, once it has been given. */
  bytes: number;
}

export interface AnswersOptions {
  /** Ids remembered; the oldest go first. @default 10,000 */
  readonly capacity?: number;
  /** Of their answers together; the oldest go first, but the newest one stays, however large. @default 64 MiB */
  readonly capacityBytes?: number;
}

/**
 * Answers by request id: the same id again gets the stored answer, or joins the call under way, for as long as its own caller waits; with
 * another body it is an error.
 * A failed call leaves no answer, so repeating it tries again; what it noted in its memo it finds again.
 */
export class Answers {
  readonly #entries = new Map<string, Entry>();
  readonly #capacity: number;
  readonly #capacityBytes: number;
  #bytes = 0;

  constructor({ capacity = answersKept.count, capacityBytes = answersKept.bytes }: AnswersOptions = {}) {
    this.#capacity = capacity;
    this.#capacityBytes = capacityBytes;
  }

  /** Takes in what an earlier process left, oldest first. */
  restore(receipts: Iterable<Receipt>): void {
    for (const receipt of receipts)
      this.#remember({ receipt, pending: undefined, bytes: 0 }, receipt.response?.byteLength);
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
        return await unlessAborted(entry.pending, signal);
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
      // By when it was given, since a call may take long: its caller has had no chance to repeat it yet.
      this.#remember(entry, response.byteLength);
      return response;
    } catch (error) {
      receipt.withdraw();
      throw error;
    } finally {
      entry.pending = undefined;
    }
  }

  #entry(requestId: string, fingerprint: string, method: string): Entry {
    let entry = this.#entries.get(requestId);
    if (entry !== undefined && entry.receipt.expiresMs < Date.now() && entry.pending === undefined)
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
    entry ??= { receipt: new Receipt(requestId, fingerprint, method), pending: undefined, bytes: 0 };
    entry.receipt.touch();
    this.#remember(entry);
    return entry;
  }

  /** As the newest. Calls under way are not forgotten. */
  #remember(entry: Entry, bytes = entry.bytes): void {
    const { requestId } = entry.receipt;
    this.#forget(requestId);
    entry.bytes = bytes;
    this.#bytes += bytes;
    this.#entries.set(requestId, entry);
    const now = Date.now();
    for (const [id, old] of this.#entries) {
      const isFull = this.#entries.size > this.#capacity || this.#bytes > this.#capacityBytes;
      if (!isFull && old.receipt.expiresMs >= now) break;
      if (old.pending === undefined && old !== entry) this.#forget(id);
    }
  }

  #forget(id: string): void {
    this.#bytes -= this.#entries.get(id)?.bytes ?? 0;
    this.#entries.delete(id);
  }
}

/** What `work` comes to, unless `signal` aborts before; the work goes on then. */
async function unlessAborted<T>(work: Promise<T>, signal: AbortSignal): Promise<T> {
  if (signal.aborted) throw cancelled(signal);
  const { promise: aborted, reject } = Promise.withResolvers<never>();
  const leave = () => reject(cancelled(signal));
  signal.addEventListener("abort", leave);
  try {
    return await Promise.race([work, aborted]);
  } finally {
    signal.removeEventListener("abort", leave);
  }
}
