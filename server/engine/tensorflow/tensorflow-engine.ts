import { checkLength, checkShapes } from "../checks.ts";
import type {
  Advance,
  Engine,
  EngineOption,
  Member,
  Network,
  Problem,
  Shape,
  Trainer,
  TrainerState,
} from "../engine.ts";
import { EngineCalls } from "../engine-calls.ts";
import { DeviceLostError } from "../errors.ts";
import type { Backend } from "./backend.ts";
import { bytesOf } from "./memory-budget.ts";
import type { TensorMemory } from "./protocol.ts";
import { TensorflowTrainer, type TrainerOwner } from "./tensorflow-trainer.ts";
import { WorkerThread } from "./worker-thread.ts";

export interface TensorflowEngineOptions {
  /** @default the first that is installed of `node-gpu`, `node`, `wasm`, `cpu` */
  readonly backend?: Backend;
  /** Computes the logits for analyses: TensorFlow.js has no float64. Stays the caller's to close. */
  readonly evaluator: Pick<Engine, "logits">;
}

/**
 * Opens the engine that computes with TensorFlow.js, on a thread of its own. Throws an Error that says which package to install
 * when the back end asked for, or every back end, is absent; and when an installed one can't be used, why.
 */
export async function openTensorflowEngine(options: TensorflowEngineOptions): Promise<TensorflowEngine> {
  const thread = await WorkerThread.start(options.backend);
  return new TensorflowEngine(thread, options.evaluator);
}

/** Not the fast one: for boxes that are set up for TensorFlow, and an independent check of the other engines. */
export class TensorflowEngine implements Engine {
  readonly name = "tensorflow";
  readonly precision = "float32";
  readonly threads = 1;
  /** Trainers take turns on one device. */
  readonly parts = 1;
  readonly lacks: readonly EngineOption[] = ["embedding", "grokfast"];
  readonly variant: Backend;
  readonly isa: string;
  readonly device: string;
  readonly deterministic: boolean;
  #thread: WorkerThread;
  #restarting: Promise<void> | undefined;
  /** No thread could be started in place of one that is lost: one loss, however often it is tried. */
  #absence: DeviceLostError | undefined;
  readonly #evaluator: Pick<Engine, "logits">;
  readonly #trainers = new Set<TensorflowTrainer>();
  readonly #calls = new EngineCalls("tensorflow");
  readonly #owner: TrainerOwner;
  #lastTrainer = 0;
  #closing: Promise<void> | undefined;

  constructor(thread: WorkerThread, evaluator: Pick<Engine, "logits">) {
    this.#thread = thread;
    this.#evaluator = evaluator;
    const { backend, isa, device, deterministic } = thread.greeting;
    this.variant = backend;
    this.isa = isa;
    this.device = device;
    this.deterministic = deterministic;
    this.#owner = {
      called: (call) => this.#calls.follow(call),
      closed: (trainer) => this.#trainers.delete(trainer),
    };
  }

  bytesOf(shape: Shape): number {
    const { held, passing } = bytesOf(shape);
    return held + passing;
  }

  open(problem: Problem, state: TrainerState): Promise<Trainer> {
    return this.#calls.make(async () => {
      checkShapes(problem, state);
      const thread = await this.#liveThread();
      const trainer = await TensorflowTrainer.open(problem, state, ++this.#lastTrainer, thread, this.#owner);
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

  /** What TensorFlow.js holds for all trainers that are open. */
  memory(): Promise<TensorMemory> {
    return this.#calls.make(async () => (await this.#liveThread()).call("memory", {}));
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

  /** A new thread in place of one that is lost. */
  async #liveThread(): Promise<WorkerThread> {
    if (this.#thread.lost) {
      this.#restarting ??= this.#restart().finally(() => {
        this.#restarting = undefined;
      });
      await this.#restarting;
    }
    return this.#thread;
  }

  async #restart(): Promise<void> {
    try {
      this.#thread = await WorkerThread.start(this.variant);
      this.#absence = undefined;
    } catch (error) {
      const cause = error as Error;
      this.#absence ??= new DeviceLostError(cause.message, { cause });
      throw this.#absence;
    }
  }
}
