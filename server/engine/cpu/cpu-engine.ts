import { availableParallelism } from "node:os";
import { checkLength, checkShapes } from "../checks.ts";
import type { Advance, Engine, Member, Network, Problem, Shape, Trainer, TrainerState } from "../engine.ts";
import { EngineCalls } from "../engine-calls.ts";
import { loadAddon } from "./addon.ts";
import { AddonKernel } from "./addon-kernel.ts";
import { CpuTrainer, type TrainerOwner } from "./cpu-trainer.ts";
import type { Kernel } from "./kernel.ts";
import { WasmKernel } from "./wasm-kernel.ts";

/** A trainer's weights, gradients and moments, and its copy to go back to when a loss diverges. */
const residentArrays = 16;

/** The same of each factor of a learned embedding, W_E twice; and averages of a gradient and their copy. */
const [residentFactors, residentAverages] = [10, 2];

/** What is kept of a pair of inputs besides its logits: labels, classes, weights. */
const residentPairBytes = 20;

export interface CpuEngineOptions {
  /** Build of the kernel. @default the addon when it can be loaded, else wasm */
  readonly variant?: "addon" | "wasm";
  /** @default the machine's available parallelism */
  readonly threads?: number;
  /** Instruction set of the addon, one of `cpuIsas()`. @default the best that the machine has */
  readonly isa?: string;
}

/** Opens the engine that computes on the CPU. Throws when the variant or instruction set asked for isn't there. */
export async function openCpuEngine(options: CpuEngineOptions = {}): Promise<CpuEngine> {
  const threads = options.threads ?? availableParallelism();
  if (!Number.isInteger(threads) || threads < 1 || threads > 256) {
    throw new RangeError(`threads must be an integer from 1 to 256, got ${threads}`);
  }
  if (options.variant === "wasm") return openWasm(threads, undefined);
  const loaded = loadAddon();
  if ("addon" in loaded) {
    const isa = options.isa ?? loaded.addon.isas()[0];
    return new CpuEngine(new AddonKernel(loaded.addon, isa, threads), undefined);
  }
  if (options.variant === "addon") throw new Error(loaded.reason);
  return openWasm(threads, loaded.reason);
}

/** Instruction sets that the addon can be opened with on this machine, best first; none without an addon. */
export function cpuIsas(): string[] {
  const loaded = loadAddon();
  return "addon" in loaded ? loaded.addon.isas() : [];
}

async function openWasm(threads: number, fallbackReason: string | undefined): Promise<CpuEngine> {
  return new CpuEngine(await WasmKernel.start(threads), fallbackReason);
}

export class CpuEngine implements Engine {
  readonly name = "cpu";
  readonly precision = "float32";
  readonly deterministic = true;
  readonly variant: string;
  readonly isa: string;
  readonly device: string;
  readonly threads: number;
  /** Why this is the WebAssembly build although nobody asked for it. */
  readonly fallbackReason: string | undefined;
  readonly #kernel: Kernel;
  readonly #trainers = new Set<CpuTrainer>();
  readonly #calls = new EngineCalls("cpu");
  readonly #owner: TrainerOwner;
  #closing: Promise<void> | undefined;

  constructor(kernel: Kernel, fallbackReason: string | undefined) {
    this.#kernel = kernel;
    this.variant = kernel.variant;
    this.isa = kernel.isa;
    this.threads = kernel.threads;
    this.device = `${kernel.isa}, ${kernel.threads} ${kernel.threads === 1 ? "thread" : "threads"}`;
    this.fallbackReason = fallbackReason;
    this.#owner = {
      threads: kernel.threads,
      called: (call) => this.#calls.follow(call),
      closed: (trainer) => this.#trainers.delete(trainer),
    };
  }

  get parts(): number {
    return this.threads;
  }

  bytesOf({ modulus, width, optimizer, embedding }: Shape): number {
    const pairs = (modulus * (modulus + 1)) / 2;
    const logits = pairs * Math.ceil(modulus / 16) * 16;
    const averages = optimizer.grokfast === undefined ? 0 : residentAverages;
    const numbers =
      (residentArrays + 2 * averages) * modulus * width +
      (residentFactors + averages) * (embedding?.dimension ?? 0) * (modulus + width);
    return 4 * (numbers + logits) + pairs * residentPairBytes;
  }

  open(problem: Problem, state: TrainerState): Promise<Trainer> {
    return this.#calls.make(async () => {
      checkShapes(problem, state);
      const kernelTrainer = this.#kernel.createTrainer(problem);
      const trainer = await CpuTrainer.open(problem, state, kernelTrainer, this.#owner);
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
      return this.#kernel.logits(network);
    });
  }

  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  async #close(): Promise<void> {
    await this.#calls.close();
    for (const trainer of this.#trainers) trainer.close();
    await this.#kernel.close();
  }
}
