import { checkLength, checkShapes } from "../checks.ts";
import type { Advance, Engine, Member, Network, Problem, Shape, Trainer, TrainerState } from "../engine.ts";
import { EngineCalls } from "../engine-calls.ts";
import { DeviceLostError } from "../errors.ts";
import { whyNoGpu } from "./device-nodes.ts";
import type { GpuOptions } from "./gpu.ts";
import { GpuThread } from "./gpu-thread.ts";
import { planOf, shapeOf } from "./plan.ts";
import { poolBytes } from "./pool-memory.ts";
import type { Residence } from "./protocol.ts";
import { type TrainerOwner, WebGpuTrainer } from "./webgpu-trainer.ts";

export interface WebGpuEngineOptions {
  /** Take an adapter that computes on the CPU where there is no other: for tests. @default false */
  readonly allowSoftware?: boolean;
  /** Bytes of device memory that trainers may take. @default as many as the device has */
  readonly memoryBytes?: number;
  /** Computes the logits for analyses: WGSL has no float64. Stays the caller's to close. */
  readonly evaluator: Pick<Engine, "logits">;
}

/** What a device has in use, for people. */
export type WebGpuInfo = Residence & { readonly memoryBytes: number | undefined };

/**
 * Opens the engine that computes on a GPU, from a thread of its own. Throws an Error that says why there is none: no npm package
 * `webgpu`, no adapter, or only one that computes on the CPU.
 */
export async function openWebGpuEngine(options: WebGpuEngineOptions): Promise<WebGpuEngine> {
  const { allowSoftware = false, memoryBytes, evaluator } = options;
  if (memoryBytes !== undefined && (!Number.isSafeInteger(memoryBytes) || memoryBytes < 1)) {
    throw new RangeError(`memoryBytes must be a positive integer, got ${memoryBytes}`);
  }
  const missing = allowSoftware ? undefined : whyNoGpu();
  if (missing !== undefined) throw new Error(missing);
  const gpu = { allowSoftware, memoryBytes };
  return new WebGpuEngine(await GpuThread.start(gpu), gpu, evaluator);
}

export class WebGpuEngine implements Engine {
  readonly name = "webgpu";
  readonly precision = "float32";
  readonly deterministic = true;
  readonly isa = "wgsl";
  readonly threads = 0;
  readonly variant = "vulkan";
  readonly device: string;
  /** Trainers that it advances side by side. */
  readonly parts: number;
  /** Bytes of device memory that trainers may take; undefined: as many as there are. */
  readonly memoryBytes?: number;
  #thread: GpuThread;
  #restarting: Promise<void> | undefined;
  /** No thread could be started in place of one that is lost: one loss, however often it is tried. */
  #absence: DeviceLostError | undefined;
  readonly #options: GpuOptions;
  readonly #evaluator: Pick<Engine, "logits">;
  readonly #trainers = new Set<WebGpuTrainer>();
  readonly #calls = new EngineCalls("webgpu");
  readonly #owner: TrainerOwner;
  #lastTrainer = 0;
  #closing: Promise<void> | undefined;

  constructor(thread: GpuThread, options: GpuOptions, evaluator: Pick<Engine, "logits">) {
    this.#thread = thread;
    this.#options = options;
    this.#evaluator = evaluator;
    const { adapter, driver, isSoftware } = thread.device;
    this.device = adapter === driver ? adapter : `${adapter}, ${driver}`;
    this.parts = isSoftware ? 4 : 256;
    if (options.memoryBytes !== undefined) this.memoryBytes = options.memoryBytes;
    this.#owner = {
      called: (call) => this.#calls.follow(call),
      closed: (trainer) => this.#trainers.delete(trainer),
    };
  }

  open(problem: Problem, state: TrainerState): Promise<Trainer> {
    return this.#calls.make(async () => {
      checkShapes(problem, state);
      const thread = await this.#liveThread();
      const trainer = await WebGpuTrainer.open(problem, state, ++this.#lastTrainer, thread, this.#owner);
      this.#trainers.add(trainer);
      return trainer;
    });
  }

  advance(cohort: readonly Member[]): Promise<Advance>[] {
    return cohort.map(({ trainer, steps, options }) =>
      trainer.advance(steps, { ...options, cohort: cohort.length }),
    );
  }

  logits(network: Network): Promise<Float64Array> {
    return this.#calls.make(async () => {
      const { modulus, width, theta, xi } = network;
      checkLength("theta", theta, width * modulus);
      checkLength("xi", xi, width * modulus);
      return this.#evaluator.logits(network);
    });
  }

  /** Without the room that is set aside for more of its shape. */
  bytesOf(shape: Shape): number {
    return poolBytes(planOf(shapeOf(shape), this.#thread.device.limits), 1);
  }

  /** The device, what it allows, and what of its memory is in use. */
  info(): Promise<WebGpuInfo> {
    return this.#calls.make(async () => {
      const thread = await this.#liveThread();
      return { ...(await thread.call("residence", {})), memoryBytes: this.memoryBytes };
    });
  }

  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  async #close(): Promise<void> {
    await this.#calls.close();
    for (const trainer of this.#trainers) trainer.close();
    await this.#thread.close();
  }

  /** A new thread in place of one that ended by itself. */
  async #liveThread(): Promise<GpuThread> {
    if (this.#thread.isLost) {
      this.#restarting ??= this.#restart().finally(() => {
        this.#restarting = undefined;
      });
      await this.#restarting;
    }
    return this.#thread;
  }

  async #restart(): Promise<void> {
    try {
      this.#thread = await GpuThread.start(this.#options);
      this.#absence = undefined;
    } catch (error) {
      const cause = error as Error;
      this.#absence ??= new DeviceLostError(cause.message, { cause });
      throw this.#absence;
    }
  }
}
