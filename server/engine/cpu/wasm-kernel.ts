import { readFile } from "node:fs/promises";
import { activations } from "../../model/spec.ts";
import type { Network, Problem, TrainerState } from "../engine.ts";
import { wasmFile } from "./fingerprint.js";
import {
  type Captures,
  type Kernel,
  type KernelAdvance,
  type KernelTrainer,
  longestAdvance,
  type MomentArrays,
  measureColumns,
  traceColumns,
  type Weights,
} from "./kernel.ts";
import { problemScalars } from "./problem-scalars.ts";
import { roundUp, WasmMemory } from "./wasm-memory.ts";
import { JobKind } from "./wasm-module.ts";
import { WasmPool } from "./wasm-pool.ts";

/** Memory of a trainer for copies of weights; one copy has its place in any case. */
const captureBytes = 2 ** 21;

type StateArrays = Partial<Weights & MomentArrays>;

/** `State` in native/abi.h. */
const stateNames = ["theta", "xi", "thetaFirst", "thetaSecond", "xiFirst", "xiSecond"] as const;

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
    this.#probe.doubles(scalars, 10).set(problemScalars(problem));
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
  readonly #stopFlag: Int32Array;
  /** Six pointers, and the arrays [M, p] that they point to when they are not null: how a state goes in and out. */
  readonly #pointers: number;
  readonly #arrays: readonly number[];
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
    const { width, modulus, optimizer, labels, classes } = problem;
    const names = optimizer.kind === "adamw" ? stateNames : stateNames.slice(0, 2);
    const traceBytes = traceColumns.length * longestAdvance * 8;
    this.#size = width * modulus;
    this.mostCaptures = Math.max(1, Math.min(16, Math.floor(captureBytes / (2 * 4 * this.#size))));
    const captured = this.mostCaptures * this.#size * 4;
    const measureBytes = { at: longestAdvance * 4, values: measureColumns.length * longestAdvance * 8 };
    const contents =
      2 * roundUp(captured) +
      arenaBytes +
      names.length * roundUp(this.#size * 4) +
      traceBytes +
      measureBytes.at +
      measureBytes.values +
      4096;
    const memory = new WasmMemory(module, pool.threads, scratchBytes, contents + 2 * roundUp(labels.length));
    const { exports } = memory;
    this.#pool = pool;
    this.#memory = memory;

    const arena = memory.take(arenaBytes);
    this.#arrays = names.map(() => memory.take(this.#size * 4));
    this.#trace = memory.take(traceBytes);
    this.#pointers = memory.take(stateNames.length * 4);
    this.#captures = {
      at: memory.take(this.mostCaptures * 4),
      theta: memory.take(captured),
      xi: memory.take(captured),
    };
    this.#measures = { at: memory.take(measureBytes.at), values: memory.take(measureBytes.values) };
    const scalarsAt = memory.take(10 * 8);
    const labelsAt = memory.take(labels.length);
    const classesAt = memory.take(classes.length);
    memory.doubles(scalarsAt, 10).set(problemScalars(problem));
    memory.bytes(labelsAt, labels.length).set(labels);
    memory.bytes(classesAt, classes.length).set(classes);
    this.#trainer = exports.createTrainer(arena, scalarsAt, labelsAt, classesAt);
    this.#stopFlag = memory.ints(exports.stopFlag(this.#trainer), 1);
    this.#threads = exports.usefulThreads(this.#trainer);
  }

  async load(state: TrainerState): Promise<Float64Array> {
    const arrays: StateArrays = { theta: state.theta, xi: state.xi, ...state.moments };
    this.#point(arrays);
    for (const [index, name] of stateNames.entries()) {
      const values = arrays[name];
      if (values && index < this.#arrays.length) this.#view(index).set(values);
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
    memory.ints(this.#pointers, stateNames.length).set([theta, xi, 0, 0, 0, 0]);
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
      trace: this.#copyTrace(steps),
      measures: this.#copyMeasures(measureAt.length),
    };
  }

  async read(state: StateArrays): Promise<number> {
    this.#point(state);
    await this.#run(JobKind.read, 0, 1);
    this.#copyOut(state);
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

  /** Offers the kernel those arrays that `state` has. */
  #point(state: StateArrays): void {
    const pointers = stateNames.map((name, index) => (state[name] ? (this.#arrays[index] ?? 0) : 0));
    this.#memory.ints(this.#pointers, pointers.length).set(pointers);
  }

  #copyOut(state: StateArrays): void {
    for (const [index, name] of stateNames.entries()) state[name]?.set(this.#view(index));
  }

  #view(index: number): Float32Array {
    return this.#memory.floats(this.#arrays[index], this.#size);
  }

  #copyTrace(rows: number): Float64Array {
    return new Float64Array(this.#memory.doubles(this.#trace, traceColumns.length * rows));
  }

  #copyMeasures(points: number): Float64Array {
    return new Float64Array(this.#memory.doubles(this.#measures.values, measureColumns.length * points));
  }
}
