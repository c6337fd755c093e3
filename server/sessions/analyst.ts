import { Worker } from "node:worker_threads";
import { type AnalysisTasks, analysisTasks } from "./analysis-tasks.ts";
import { cancelled } from "./errors.ts";

type Name = keyof AnalysisTasks;

export interface AnalysisRequest {
  readonly id: number;
  readonly task: Name;
  readonly args: readonly unknown[];
}

export type AnalysisReply =
  | { readonly id: number; readonly result: unknown }
  | { readonly id: number; readonly error: unknown };

/** Operations that a task may take to be done at once: below a millisecond, when the way to the thread and back takes as long. */
const inlineOperations = 1 << 19;

/** About how many multiply-adds a task takes, which decides where it is done, and what gives it up. */
export interface Cost {
  readonly operations: number;
  readonly signal: AbortSignal;
}

interface Queued {
  readonly request: AnalysisRequest;
  readonly resolve: (result: unknown) => void;
  readonly reject: (error: unknown) => void;
  /** Nobody waits for it any more. */
  givenUp: boolean;
}

/**
 * Does analysis tasks: small ones at once, large ones on one worker thread, which is started when first needed. They wait here, so that
 * one that was given up costs the others nothing; the one under way ends, and nobody hears of it.
 */
export class Analyst {
  #worker: Worker | undefined;
  #lastId = 0;
  #isClosing = false;
  #queue: Queued[] = [];
  #running: Queued | undefined;

  /** Fails with CANCELLED or DEADLINE_EXCEEDED as soon as the cost's signal aborts. */
  async run<N extends Name>(
    task: N,
    cost: number | Cost,
    ...args: Parameters<AnalysisTasks[N]>
  ): Promise<ReturnType<AnalysisTasks[N]>> {
    const { operations, signal } = typeof cost === "number" ? { operations: cost, signal: undefined } : cost;
    if (signal?.aborted) throw cancelled(signal);
    if (operations <= inlineOperations) {
      return (analysisTasks[task] as (...args: unknown[]) => unknown)(...args) as ReturnType<
        AnalysisTasks[N]
      >;
    }
    const { promise, resolve, reject } = Promise.withResolvers<unknown>();
    const queued: Queued = { request: { id: ++this.#lastId, task, args }, resolve, reject, givenUp: false };
    const giveUp = () => {
      queued.givenUp = true;
      reject(cancelled(signal!));
    };
    signal?.addEventListener("abort", giveUp, { once: true });
    this.#queue.push(queued);
    this.#next();
    try {
      return (await promise) as ReturnType<AnalysisTasks[N]>;
    } finally {
      signal?.removeEventListener("abort", giveUp);
    }
  }

  async close(): Promise<void> {
    this.#isClosing = true;
    await this.#worker?.terminate();
  }

  #next(): void {
    if (this.#running !== undefined) return;
    this.#queue = this.#queue.filter(({ givenUp }) => !givenUp);
    const next = this.#queue.shift();
    if (next === undefined) {
      // While it is closed, its end is waited for.
      if (!this.#isClosing) this.#worker?.unref();
      return;
    }
    this.#running = next;
    this.#worker ??= this.#start();
    this.#worker.ref();
    this.#worker.postMessage(next.request);
  }

  #start(): Worker {
    const worker = new Worker(new URL("./analysis-worker.ts", import.meta.url));
    worker.on("message", (reply: AnalysisReply) => {
      const done = this.#running;
      if (done === undefined || done.request.id !== reply.id) return;
      this.#running = undefined;
      if ("error" in reply) done.reject(reply.error);
      else done.resolve(reply.result);
      this.#next();
    });
    const lost = (error: Error) => {
      if (this.#worker !== worker) return;
      this.#worker = undefined;
      const waiting = [this.#running, ...this.#queue];
      this.#running = undefined;
      this.#queue = [];
      for (const queued of waiting) queued?.reject(error);
    };
    worker.on("error", lost);
    worker.on("exit", () => lost(new Error("the analysis thread ended")));
    worker.unref();
    return worker;
  }
}
