import { arraysOf, type StateArrays } from "../../model/network-state.ts";
import { activations } from "../../model/spec.ts";
import type { Network, Problem, TrainerState } from "../engine.ts";
import type { Addon, EngineHandle, StateList, TrainerHandle } from "./addon.ts";
import {
  type Captures,
  type Kernel,
  type KernelAdvance,
  type KernelTrainer,
  measureColumns,
  traceColumns,
} from "./kernel.ts";
import { problemScalars } from "./problem-scalars.ts";
import { stateLayout } from "./state-layout.ts";

/** The kernel as a Node-API addon, on threads of its own. */
export class AddonKernel implements Kernel {
  readonly variant = "addon";
  readonly isa: string;
  readonly threads: number;
  readonly #addon: Addon;
  readonly #engine: EngineHandle;

  constructor(addon: Addon, isa: string, threads: number) {
    this.isa = isa;
    this.threads = threads;
    this.#addon = addon;
    this.#engine = addon.createEngine(isa, threads);
  }

  createTrainer(problem: Problem): KernelTrainer {
    const { labels, classes } = problem;
    const scalars = problemScalars(problem);
    const available = process.availableMemory();
    const trainer = this.#addon.createTrainer(this.#engine, scalars, labels, classes, available);
    return new AddonTrainer(this.#addon, this.#engine, trainer);
  }

  async logits({ modulus, width, activation, theta, xi }: Network): Promise<Float64Array> {
    const logits = new Float64Array(((modulus * (modulus + 1)) / 2) * modulus);
    const index = activations.indexOf(activation);
    await this.#addon.logits(this.#engine, modulus, width, index, theta, xi, logits);
    return logits;
  }

  async close(): Promise<void> {
    this.#addon.closeEngine(this.#engine);
  }
}

class AddonTrainer implements KernelTrainer {
  readonly mostCaptures = Number.POSITIVE_INFINITY;
  readonly #addon: Addon;
  readonly #engine: EngineHandle;
  readonly #trainer: TrainerHandle;

  constructor(addon: Addon, engine: EngineHandle, trainer: TrainerHandle) {
    this.#addon = addon;
    this.#engine = engine;
    this.#trainer = trainer;
  }

  async load({ step, ...state }: TrainerState): Promise<Float64Array> {
    const trace = new Float64Array(traceColumns.length);
    await this.#addon.load(this.#engine, this.#trainer, step, stateList(arraysOf(state)), trace);
    return trace;
  }

  async advance(
    steps: number,
    captures: Captures,
    measureAt: Int32Array,
    mostThreads: number,
  ): Promise<KernelAdvance> {
    const trace = new Float64Array(traceColumns.length * steps);
    const measures = new Float64Array(measureColumns.length * measureAt.length);
    const [, made, diverged, threads] = await this.#addon.advance(
      this.#engine,
      this.#trainer,
      steps,
      captures.at,
      captures.at.length === 0 ? [] : stateList({ theta: captures.theta, xi: captures.xi }),
      trace,
      measureAt,
      measures,
      mostThreads,
    );
    return { made, diverged: diverged !== 0, threads, trace, measures };
  }

  async read(arrays: StateArrays): Promise<number> {
    const [step] = await this.#addon.read(this.#engine, this.#trainer, stateList(arrays));
    return step;
  }

  async measure(): Promise<Float64Array> {
    const measures = new Float64Array(measureColumns.length);
    await this.#addon.measure(this.#engine, this.#trainer, measures);
    return measures;
  }

  stop(): void {
    this.#addon.stop(this.#engine, this.#trainer);
  }

  free(): void {
    this.#addon.freeTrainer(this.#trainer);
  }
}

function stateList(arrays: StateArrays): StateList {
  return stateLayout.map((name) => arrays[name]);
}
