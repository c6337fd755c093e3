import { readFile } from "node:fs/promises";
import { arraysOf, type StateArrayName, type StateArrays } from "../../model/network-state.ts";
import { activations } from "../../model/spec.ts";
import { lengthOf } from "../checks.ts";
import type { Network, Problem, TrainerState } from "../engine.ts";
import { wasmFile } from "./fingerprint.js";
import {
  type Captures,
  type Kernel,
  type KernelAdvance,
  type KernelTrainer,
  longestAdvance,
  measureColumns,
  traceColumns,
} from "./kernel.ts";
import { problemScalars } from "./problem-scalars.ts";
import { stateLayout, trainerArrays } from "./state-layout.ts";
import { roundUp, WasmMemory } from "./wasm-memory.ts";
import { JobKind } from "./wasm-module.ts";
import { WasmPool } from "./wasm-pool.ts";

/** Memory of a trainer for copies of weights; one copy has its place in any case. */
const captureBytes = 2 ** 21;

/** The kernel as a WebAssembly module, on worker threads. */
export class WasmKernel implements Kernel {
  readonly variant = "wasm";
  readonly isa = "simd128";
  readonly #module: WebAssembly.Module;
  readonly #pool: WasmPool;
  /** For asking the module about sizes, before there is a memory of that size. */
  readonly #probe: WasmMemory;

  static async start(threads: number): Promise<WasmKernel> {
    const module = await WebAssembly.compile(await readFile(wasmFile));
    return new WasmKernel(module, await WasmPool.start(module, threads));
  }

  private constructor(module: WebAssembly.Module, pool: WasmPool) {
    this.#module = module;
    this.#pool = pool;
    this.#probe = new WasmMemory(module, 0, 0, 4 * 65536);
  }

  get threads(): number {
    return this.#pool.threads;
  }

  createTrainer(problem: Problem): KernelTrainer {
    const { exports } = this.#probe;
    const scalars = this.#probe.job;
    const classes = scalars + exports.jobBytes();
    setDoubles(this.#probe, scalars, problemScalars(problem));
    this.#probe.bytes(classes, problem.classes.length).set(problem.classes);
    const arenaBytes = exports.trainerBytes(scalars, classes) >>> 0;
    return new WasmTrainer(this.#module, this.#pool, problem, arenaBytes, exports.trainScratchBytes());
  }

  async logits({ modulus, width, activation, theta, xi }: Network): Promise<Float64Array> {
    const outputs = ((modulus * (modulus + 1)) / 2) * modulus;
    const inputs = width * modulus;
    const { BYTES_PER_ELEMENT } = theta;
    const contents = 2 * roundUp(inputs * BYTES_PER_ELEMENT) + roundUp(outputs * 8);
    const scratch = this.#probe.exports.logitsScratchBytes();
    const memory = new WasmMemory(this.#module, this.threads, scratch, contents);
    const put = (weights: Float32Array | Float64Array) => {
      const address = memory.take(inputs * BYTES_PER_ELEMENT);
      const view = BYTES_PER_ELEMENT === 8 ? memory.doubles(address, inputs) : memory.floats(address, inputs);
      view.set(weights);
      return address;
    };
    const [thetaAt, xiAt] = [put(theta), put(xi)];
    const logitsAt = memory.take(outputs * 8);
    await this.#pool.run(memory, this.threads, (threads) =>
      memory.exports.prepareLogits(
        memory.job,
        threads,
        modulus,
        width,
        activations.indexOf(activation),
        BYTES_PER_ELEMENT === 8 ? 1 : 0,
        thetaAt,
        xiAt,
        logitsAt,
      ),
    );
    this.#pool.forget(memory);
    return new Float64Array(memory.doubles(logitsAt, outputs));
  }

  close(): Promise<void> {
    return this.#pool.close();
  }
}

class WasmTrainer implements KernelTrainer {
  readonly #pool: WasmPool;
  readonly #memory: WasmMemory;
  readonly #trainer: number;
  readonly #size: number;
  readonly #threads: number;
  /** Threads that the last job got. */
  #granted = 0;
  readonly #stopFlag: Int32Array;
  /** Pointers in the order of `stateLayout`, and what they point to when they are not null: how a state goes in and out. */
  readonly #pointers: number;
  readonly #arrays = new Map<StateArrayName, { readonly address: number; readonly length: number }>();
  readonly #trace: number;
  /** Where `advance` copies weights to: the counts, theta and xi. */
  readonly #captures: { readonly at: number; readonly theta: number; readonly xi: number };
  /** Where measures are written to, and after how many updates. */
  readonly #measures: { readonly at: number; readonly values: number };
  readonly mostCaptures: number;
  /** What is under way is an `advance`. */
  #advances = false;

  constructor(
    module: WebAssembly.Module,
    pool: WasmPool,
    problem: Problem,
    arenaBytes: number,
    scratchBytes: number,
  ) {
    const { width, modulus, labels, classes } = problem;
    const names = trainerArrays(problem);
    const arrayBytes = names.reduce((sum, name) => sum + roundUp(lengthOf(name, problem) * 4), 0);
    const traceBytes = traceColumns.length * longestAdvance * 8;
    this.#size = width * modulus;
    this.mostCaptures = Math.max(1, Math.min(16, Math.floor(captureBytes / (2 * 4 * this.#size))));
    const captured = this.mostCaptures * this.#size * 4;
    const measureBytes = { at: longestAdvance * 4, values: measureColumns.length * longestAdvance * 8 };
    const contents =
      2 * roundUp(captured) +
      arenaBytes +
      arrayBytes +
      traceBytes +
      measureBytes.at +
      measureBytes.values +
      4096;
    const memory = new WasmMemory(module, pool.threads, scratchBytes, contents + 2 * roundUp(labels.length));
    const { exports } = memory;
    this.#pool = pool;
    this.#memory = memory;

    const arena = memory.take(arenaBytes);
    for (const name of names) {
      const length = lengthOf(name, problem);
      this.#arrays.set(name, { address: memory.take(length * 4), length });
    }
    this.#trace = memory.take(traceBytes);
    this.#pointers = memory.take(stateLayout.length * 4);
    this.#captures = {
      at: memory.take(this.mostCaptures * 4),
      theta: memory.take(captured),
      xi: memory.take(captured),
    };
    this.#measures = { at: memory.take(measureBytes.at), values: memory.take(measureBytes.values) };
    const scalars = problemScalars(problem);
    const scalarsAt = memory.take(scalars.byteLength);
    const labelsAt = memory.take(labels.length);
    const classesAt = memory.take(classes.length);
    setDoubles(memory, scalarsAt, scalars);
    memory.bytes(labelsAt, labels.length).set(labels);
    memory.bytes(classesAt, classes.length).set(classes);
    this.#trainer = exports.createTrainer(arena, scalarsAt, labelsAt, classesAt);
    this.#stopFlag = memory.ints(exports.stopFlag(this.#trainer), 1);
    this.#threads = exports.usefulThreads(this.#trainer);
  }

  async load(state: TrainerState): Promise<Float64Array> {
    const arrays = arraysOf(state);
    this.#point(arrays);
    for (const name of this.#arrays.keys()) {
      const values = arrays[name];
      if (values) this.#view(name).set(values);
    }
    await this.#run(JobKind.load, state.step, 1);
    return this.#copyTrace(1);
  }

  async advance(
    steps: number,
    captures: Captures,
    measureAt: Int32Array,
    mostThreads: number,
  ): Promise<KernelAdvance> {
    const memory = this.#memory;
    const { at, theta, xi } = this.#captures;
    memory.ints(at, captures.at.length).set(captures.at);
    memory.ints(this.#measures.at, measureAt.length).set(measureAt);
    const target: Partial<Record<StateArrayName, number>> = { theta, xi };
    memory.ints(this.#pointers, stateLayout.length).set(stateLayout.map((name) => target[name] ?? 0));
    Atomics.store(this.#stopFlag, 0, 0);
    this.#advances = true;
    try {
      await this.#run(JobKind.advance, 0, steps, captures.at.length, measureAt.length, mostThreads);
    } finally {
      this.#advances = false;
    }
    captures.theta.set(memory.floats(theta, captures.theta.length));
    captures.xi.set(memory.floats(xi, captures.xi.length));
    const { exports, job } = memory;
    return {
      made: exports.jobMade(job),
      diverged: exports.jobDiverged(job) !== 0,
      threads: this.#granted,
      trace: this.#copyTrace(steps),
      measures: this.#copyMeasures(measureAt.length),
    };
  }

  async read(arrays: StateArrays): Promise<number> {
    this.#point(arrays);
    await this.#run(JobKind.read, 0, 1);
    for (const name of this.#arrays.keys()) arrays[name]?.set(this.#view(name));
    return this.#memory.exports.jobStep(this.#memory.job);
  }

  async measure(): Promise<Float64Array> {
    await this.#run(JobKind.measure, 0, 1);
    return this.#copyMeasures(1);
  }

  stop(): void {
    Atomics.store(this.#stopFlag, 0, 1);
    if (this.#advances) this.#pool.withdraw(this.#memory);
  }

  free(): void {
    this.#pool.forget(this.#memory);
  }

  #run(
    kind: number,
    step: number,
    steps: number,
    captures = 0,
    measured = 0,
    mostThreads = kind === JobKind.read ? 1 : this.#threads,
  ): Promise<void> {
    const { exports, job } = this.#memory;
    return this.#pool.run(this.#memory, Math.min(this.#threads, mostThreads), (threads) => {
      this.#granted = threads;
      exports.prepareJob(
        job,
        threads,
        kind,
        this.#trainer,
        step,
        steps,
        this.#pointers,
        this.#trace,
        this.#captures.at,
        captures,
      );
      exports.prepareMeasures(job, this.#measures.at, measured, this.#measures.values);
    });
  }

  /** Offers the kernel those arrays that are there. */
  #point(arrays: StateArrays): void {
    const pointers = stateLayout.map((name) =>
      arrays[name] === undefined ? 0 : (this.#arrays.get(name)?.address ?? 0),
    );
    this.#memory.ints(this.#pointers, pointers.length).set(pointers);
  }

  #view(name: StateArrayName): Float32Array {
    const { address, length } = this.#arrays.get(name)!;
    return this.#memory.floats(address, length);
  }

  #copyTrace(rows: number): Float64Array {
    return new Float64Array(this.#memory.doubles(this.#trace, traceColumns.length * rows));
  }

  #copyMeasures(points: number): Float64Array {
    return new Float64Array(this.#memory.doubles(this.#measures.values, measureColumns.length * points));
  }
}

function setDoubles(memory: WasmMemory, address: number, values: Float64Array): void {
  memory.doubles(address, values.length).set(values);
}
