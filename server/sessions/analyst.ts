import { Worker } from "node:worker_threads";
import { type AnalysisTasks, analysisTasks } from "./analysis-tasks.ts";

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

/** Does analysis tasks: small ones at once, large ones on one worker thread, which is started when first needed. */
export class Analyst {
  #worker: Worker | undefined;
  #lastId = 0;
  readonly #pending = new Map<number, PromiseWithResolvers<unknown>>();

  /** `operations`: about how many multiply-adds the task takes; decides where it is done. */
  async run<N extends Name>(
    task: N,
    operations: number,
    ...args: Parameters<AnalysisTasks[N]>
  ): Promise<ReturnType<AnalysisTasks[N]>> {
    if (operations <= inlineOperations) {
      return (analysisTasks[task] as (...args: unknown[]) => unknown)(...args) as ReturnType<
        AnalysisTasks[N]
      >;
    }
    this.#worker ??= this.#start();
    const pending = Promise.withResolvers<unknown>();
    const id = ++this.#lastId;
    this.#pending.set(id, pending);
    this.#worker.ref();
    this.#worker.postMessage({ id, task, args } satisfies AnalysisRequest);
    return (await pending.promise) as ReturnType<AnalysisTasks[N]>;
  }

  async close(): Promise<void> {
    await this.#worker?.terminate();
  }

  #start(): Worker {
    const worker = new Worker(new URL("./analysis-worker.ts", import.meta.url));
    worker.on("message", (reply: AnalysisReply) => {
      const pending = this.#pending.get(reply.id);
      this.#pending.delete(reply.id);
      if (this.#pending.size === 0) worker.unref();
      if ("error" in reply) pending?.reject(reply.error);
      else pending?.resolve(reply.result);
    });
    const lost = (error: Error) => {
      if (this.#worker !== worker) return;
      this.#worker = undefined;
      for (const { reject } of this.#pending.values()) reject(error);
      this.#pending.clear();
    };
    worker.on("error", lost);
    worker.on("exit", () => lost(new Error("the analysis thread ended")));
    worker.unref();
    return worker;
  }
}
