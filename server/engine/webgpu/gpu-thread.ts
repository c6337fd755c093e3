import { once } from "node:events";
import { Worker } from "node:worker_threads";
import { DeviceLostError } from "../errors.ts";
import type { DeviceInfo } from "./device.ts";
import type { GpuOptions } from "./gpu.ts";
import type { Call, Calls, Greeting, Kind, Reply, ThreadData } from "./protocol.ts";

/** How long the end of the process waits for the device to end what it was given. */
const longestQuitMs = 20_000;

interface Waiting {
  readonly resolve: (result: unknown) => void;
  readonly reject: (error: Error) => void;
}

/** The thread that has the device, seen from outside: calls in, promises of their results out. */
export class GpuThread {
  readonly device: DeviceInfo;
  readonly #worker: Worker;
  readonly #waiting = new Map<number, Waiting>();
  readonly #losses = new Map<number, DeviceLostError>();
  readonly #quitBeforeExit: () => void;
  #outbox: Call[] = [];
  #lastId = 0;
  #lostWith: DeviceLostError | undefined;
  #isClosed = false;

  /**
   * Throws an Error with a reason for people when there is no device.
   *
   * @param execArgv - options of Node.js for the thread
   */
  static async start(options: GpuOptions, execArgv: string[] = []): Promise<GpuThread> {
    const hasQuit = new Int32Array(new SharedArrayBuffer(Int32Array.BYTES_PER_ELEMENT));
    const worker = new Worker(new URL("./webgpu-worker.ts", import.meta.url), {
      workerData: { options, hasQuit } satisfies ThreadData,
      // No options of this process: some, like --input-type, keep a worker from starting.
      execArgv,
    });
    const quitBeforeExit = () => quitNow(worker, hasQuit);
    process.on("exit", quitBeforeExit);
    try {
      const [greeting]: Greeting[] = await once(worker, "message");
      if ("device" in greeting) return new GpuThread(worker, quitBeforeExit, greeting.device);
      throw new Error(greeting.failure);
    } catch (error) {
      process.off("exit", quitBeforeExit);
      await worker.terminate();
      throw error;
    }
  }

  private constructor(worker: Worker, quitBeforeExit: () => void, device: DeviceInfo) {
    this.#worker = worker;
    this.#quitBeforeExit = quitBeforeExit;
    this.device = device;
    worker.on("message", (replies: readonly Reply[]) => {
      for (const reply of replies) this.#settle(reply);
    });
    worker.on("error", (error) => this.#lose(error as Error));
    worker.on("exit", (code) => this.#lose(new Error(`it ended with code ${code}`)));
    worker.unref();
  }

  /** Whether it ended by itself; calls reject with DeviceLostError from then on. */
  get isLost(): boolean {
    return this.#lostWith !== undefined;
  }

  call<K extends Kind>(kind: K, args: Calls[K][0]): Promise<Calls[K][1]> {
    if (this.#lostWith) return Promise.reject(this.#lostWith);
    return new Promise((resolve, reject) => {
      const id = ++this.#lastId;
      // A thread that nobody waits for must not keep the process alive.
      if (this.#waiting.size === 0) this.#worker.ref();
      this.#waiting.set(id, { resolve: resolve as Waiting["resolve"], reject });
      this.#post({ id, kind, args } as Call);
    });
  }

  async close(): Promise<void> {
    if (this.#isClosed) return;
    this.#isClosed = true;
    if (!this.isLost) await this.call("quit", {});
    process.off("exit", this.#quitBeforeExit);
    await this.#worker.terminate();
  }

  #post(call: Call): void {
    if (this.#outbox.length === 0) queueMicrotask(() => this.#flush());
    this.#outbox.push(call);
  }

  #flush(): void {
    this.#worker.postMessage(this.#outbox);
    this.#outbox = [];
  }

  #settle(reply: Reply): void {
    const waiting = this.#waiting.get(reply.id);
    if (!waiting) return;
    this.#waiting.delete(reply.id);
    if (this.#waiting.size === 0) this.#worker.unref();
    if ("result" in reply) waiting.resolve(reply.result);
    else waiting.reject(reply.loss === undefined ? reply.error : this.#loss(reply.loss, reply.error));
  }

  #loss(number: number, { message }: Error): DeviceLostError {
    const loss = this.#losses.get(number) ?? new DeviceLostError(message);
    this.#losses.set(number, loss);
    return loss;
  }

  /** The thread is gone, and with it the device. */
  #lose(cause: Error): void {
    if (this.#lostWith) return;
    this.#lostWith = new DeviceLostError(`the thread of the GPU is lost: ${cause.message}`, { cause });
    process.off("exit", this.#quitBeforeExit);
    for (const { reject } of this.#waiting.values()) reject(this.#lostWith);
    this.#waiting.clear();
  }
}

/** The process is to end at once. A thread that computes can't be ended, see webgpu-worker.ts. */
function quitNow(worker: Worker, hasQuit: Int32Array): void {
  worker.postMessage([{ id: 0, kind: "quit", args: {} }] satisfies Call[]);
  if (Atomics.wait(hasQuit, 0, 0, longestQuitMs) === "timed-out") process.kill(process.pid, "SIGKILL");
}
