import { once } from "node:events";
import { Worker } from "node:worker_threads";
import type { WasmMemory } from "./wasm-memory.ts";

/** To a worker: run the job, or let go of a memory. */
export type WorkerRequest =
  | {
      readonly kind: "run";
      readonly memoryId: number;
      readonly memory: WebAssembly.Memory;
      readonly job: number;
      readonly thread: number;
      readonly stackTop: number;
      readonly scratch: number;
    }
  | { readonly kind: "forget"; readonly memoryId: number };

interface Task {
  readonly memory: WasmMemory;
  readonly memoryId: number;
  readonly mostThreads: number;
  /** Writes the job, once the number of its threads is known. */
  readonly prepare: (threads: number) => void;
  readonly settled: () => void;
  readonly failed: (error: Error) => void;
  inside: number;
}

/**
 * Worker threads that run jobs of the WebAssembly kernel. As in native/pool.h, a job goes to workers that are idle at
 * that moment, and several jobs at once share them.
 */
export class WasmPool {
  readonly #workers: Worker[];
  readonly #tasks = new Map<Worker, Task>();
  readonly #waiting: Task[] = [];
  readonly #memoryIds = new WeakMap<WasmMemory, number>();
  #lastMemoryId = 0;
  #isClosing = false;
  #failure: Error | undefined;

  private constructor(workers: Worker[]) {
    this.#workers = workers;
    for (const worker of workers) {
      worker.on("message", () => this.#left(worker));
      worker.on("error", (error: Error) => this.#lost(error));
      worker.unref();
    }
  }

  static async start(module: WebAssembly.Module, threads: number): Promise<WasmPool> {
    // No options of this process: some, like --input-type, keep a worker from starting.
    const options = { workerData: module, execArgv: [] };
    const entry = new URL("./wasm-worker.ts", import.meta.url);
    const workers = Array.from({ length: threads }, () => new Worker(entry, options));
    await Promise.all(workers.map((worker) => once(worker, "message")));
    return new WasmPool(workers);
  }

  get threads(): number {
    return this.#workers.length;
  }

  /** Runs a job in `memory` on up to `mostThreads` workers. */
  run(memory: WasmMemory, mostThreads: number, prepare: (threads: number) => void): Promise<void> {
    if (this.#failure) return Promise.reject(this.#failure);
    return new Promise((settled, failed) => {
      const memoryId = this.#memoryId(memory);
      this.#waiting.push({ memory, memoryId, mostThreads, prepare, settled, failed, inside: 0 });
      this.#dispatch();
    });
  }

  /** Settles the job in a memory when no worker has begun it; it has then not run. */
  withdraw(memory: WasmMemory): void {
    const index = this.#waiting.findIndex((task) => task.memory === memory);
    if (index === -1) return;
    const [task] = this.#waiting.splice(index, 1);
    task.prepare(1);
    task.settled();
  }

  /** Lets the workers' instances in a memory go, so that it can be collected. */
  forget(memory: WasmMemory): void {
    const memoryId = this.#memoryIds.get(memory);
    if (memoryId === undefined) return;
    for (const worker of this.#workers) this.#post(worker, { kind: "forget", memoryId });
  }

  async close(): Promise<void> {
    this.#isClosing = true;
    await Promise.all(this.#workers.map((worker) => worker.terminate()));
  }

  #dispatch(): void {
    const idle = this.#workers.filter((worker) => !this.#tasks.has(worker));
    while (this.#waiting.length > 0 && idle.length > 0) {
      const task = this.#waiting.shift()!;
      const fair = Math.max(1, Math.floor(idle.length / (1 + this.#waiting.length)));
      const threads = Math.min(fair, task.mostThreads);
      task.inside = threads;
      task.prepare(threads);
      for (const [thread, worker] of idle.splice(0, threads).entries()) {
        this.#tasks.set(worker, task);
        // A worker without a task must not keep the process alive.
        worker.ref();
        this.#post(worker, {
          kind: "run",
          memoryId: task.memoryId,
          memory: task.memory.memory,
          job: task.memory.job,
          thread,
          ...task.memory.scratchOf(thread),
        });
      }
    }
  }

  #left(worker: Worker): void {
    const task = this.#tasks.get(worker);
    // Failed already, with the pool.
    if (task === undefined) return;
    this.#tasks.delete(worker);
    // While they are closed, their end is waited for.
    if (!this.#isClosing) worker.unref();
    if (--task.inside === 0) task.settled();
    this.#dispatch();
  }

  /** A worker died. Others may wait for it in a barrier for ever, so nothing that is under way can end. */
  #lost(error: Error): void {
    this.#failure = error;
    const tasks = new Set([...this.#tasks.values(), ...this.#waiting.splice(0)]);
    this.#tasks.clear();
    for (const task of tasks) task.failed(error);
    for (const worker of this.#workers) void worker.terminate();
  }

  #post(worker: Worker, request: WorkerRequest): void {
    worker.postMessage(request);
  }

  #memoryId(memory: WasmMemory): number {
    const id = this.#memoryIds.get(memory) ?? ++this.#lastMemoryId;
    this.#memoryIds.set(memory, id);
    return id;
  }
}
