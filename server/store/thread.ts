import { Worker } from "node:worker_threads";
import type { CallName, Calls, Reply, Request } from "./protocol.ts";
import { asStoreError } from "./sqlite-error.ts";
import { StoreError } from "./store-error.ts";

interface Pending {
  readonly resolve: (result: unknown) => void;
  readonly reject: (error: StoreError) => void;
  readonly onProgress: (share: number) => void;
}

/** Calls to the store's thread. When that ends, by `end` or by a defect, all calls fail with CLOSED, the waiting ones and the later. */
export class StoreThread {
  readonly #worker: Worker;
  readonly #pending = new Map<number, Pending>();
  #lastId = 0;
  #ended: StoreError | undefined;

  constructor() {
    this.#worker = new Worker(new URL("./store-worker.ts", import.meta.url));
    this.#worker.on("message", (reply: Reply) => this.#settle(reply));
    this.#worker.on("error", (cause) => {
      const { message = String(cause) } = cause as { message?: string };
      this.#end(new StoreError("CLOSED", `the store's thread ended by a defect: ${message}`, { cause }));
    });
    this.#worker.on("exit", () => this.#end(new StoreError("CLOSED", "the store's thread ended")));
    this.#worker.unref();
  }

  call<N extends CallName>(
    call: N,
    args: Parameters<Calls[N]>,
    transfer: readonly ArrayBuffer[] = [],
    onProgress: (share: number) => void = () => {},
  ): Promise<ReturnType<Calls[N]>> {
    if (this.#ended !== undefined) return Promise.reject(this.#ended);
    const id = ++this.#lastId;
    const { promise, resolve, reject } = Promise.withResolvers<unknown>();
    try {
      this.#worker.postMessage({ id, call, args } satisfies Request<N>, transfer);
    } catch (error) {
      // What can't be cloned, or has been transferred before.
      return Promise.reject(asStoreError(error));
    }
    this.#pending.set(id, { resolve, reject, onProgress });
    // Waiting calls keep the process alive, an idle store doesn't.
    this.#worker.ref();
    return promise as Promise<ReturnType<Calls[N]>>;
  }

  get hasEnded(): boolean {
    return this.#ended !== undefined;
  }

  /** After the last call. */
  async end(): Promise<void> {
    this.#end(new StoreError("CLOSED", "the store is closed"));
    await this.#worker.terminate();
  }

  #settle(reply: Reply): void {
    const pending = this.#pending.get(reply.id);
    if ("progress" in reply) {
      pending?.onProgress(reply.progress);
      return;
    }
    this.#pending.delete(reply.id);
    if (this.#pending.size === 0) this.#worker.unref();
    if ("error" in reply) pending?.reject(new StoreError(reply.error.kind, reply.error.message, reply.error));
    else pending?.resolve(reply.result);
  }

  #end(error: StoreError): void {
    this.#ended ??= error;
    for (const { reject } of this.#pending.values()) reject(this.#ended);
    this.#pending.clear();
  }
}
