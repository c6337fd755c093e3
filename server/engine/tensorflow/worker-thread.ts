import { once } from "node:events";
import { SHARE_ENV, Worker } from "node:worker_threads";
import { DeviceLostError } from "../errors.ts";
import type { Backend } from "./backend.ts";
import type { Calls, Greeting, Kind, Reply } from "./protocol.ts";

interface Waiting {
  readonly resolve: (result: unknown) => void;
  readonly reject: (error: Error) => void;
}

/** The thread that computes, seen from outside: calls in, promises of their results out. */
export class WorkerThread {
  readonly greeting: Exclude<Greeting, { failure: string }>;
  readonly #worker: Worker;
  readonly #waiting = new Map<number, Waiting>();
  #lastId = 0;
  #isClosing = false;
  #lostWith: DeviceLostError | undefined;

  /** Throws an Error with a reason for people when the back end can't be had. */
  static async start(backend: Backend | undefined): Promise<WorkerThread> {
    const worker = new Worker(new URL("./worker.ts", import.meta.url), {
      workerData: { backend },
      // No options of this process: some, like --input-type, keep a worker from starting.
      execArgv: [],
      // Native libraries see only the environment of the process.
      env: SHARE_ENV,
    });
    const [greeting]: Greeting[] = await once(worker, "message");
    if ("failure" in greeting) {
      await worker.terminate();
      throw new Error(greeting.failure);
    }
    return new WorkerThread(worker, greeting);
  }

  private constructor(worker: Worker, greeting: Exclude<Greeting, { failure: string }>) {
    this.greeting = greeting;
    this.#worker = worker;
    worker.on("message", (reply: Reply) => this.#settle(reply));
    worker.on("error", (error) => this.#lose(error as Error));
    worker.on("exit", (code) => this.#lose(new Error(`it ended with code ${code}`)));
    worker.unref();
  }

  call<K extends Kind>(kind: K, args: Calls[K][0]): Promise<Calls[K][1]> {
    if (this.#lostWith) return Promise.reject(this.#lostWith);
    return new Promise((resolve, reject) => {
      const id = ++this.#lastId;
      // A thread that nobody waits for must not keep the process alive.
      if (this.#waiting.size === 0) this.#worker.ref();
      this.#waiting.set(id, { resolve: resolve as Waiting["resolve"], reject });
      this.#worker.postMessage({ id, kind, args });
    });
  }

  /** Whether it ended by itself; calls reject with DeviceLostError from then on. */
  get lost(): boolean {
    return this.#lostWith !== undefined;
  }

  async close(): Promise<void> {
    this.#isClosing = true;
    await this.#worker.terminate();
  }

  #settle(reply: Reply): void {
    const waiting = this.#waiting.get(reply.id);
    if (!waiting) return;
    this.#waiting.delete(reply.id);
    // While it is closed, its end is waited for.
    if (this.#waiting.size === 0 && !this.#isClosing) this.#worker.unref();
    if ("error" in reply) waiting.reject(reply.error);
    else waiting.resolve(reply.result);
  }

  /** The thread is gone, and with it every network that it held. */
  #lose(cause: Error): void {
    this.#lostWith ??= new DeviceLostError(`the thread of TensorFlow.js is lost: ${cause.message}`, {
      cause,
    });
    for (const { reject } of this.#waiting.values()) reject(this.#lostWith);
    this.#waiting.clear();
  }
}
