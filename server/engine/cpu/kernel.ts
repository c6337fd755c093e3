import type { StateArrays } from "../../model/network-state.ts";
import type { Network, Problem, TrainerState } from "../engine.ts";

/**
 * A build of the C++ kernel (native/) and the threads that run it: what the addon and the WebAssembly module have in
 * common. Callers keep calls on one trainer apart, and leave arrays that they passed alone until the promise settles.
 */
export interface Kernel {
  readonly variant: "addon" | "wasm";
  readonly isa: string;
  readonly threads: number;
  /** Throws RangeError when there is not enough memory. */
  createTrainer(problem: Problem): KernelTrainer;
  logits(network: Network): Promise<Float64Array>;
  /** To be called when nothing is under way; trainers are unusable from then on. */
  close(): Promise<void>;
}

export interface KernelTrainer {
  /** Sets the state and returns its trace, one value a column of `traceColumns`. */
  load(state: TrainerState): Promise<Float64Array>;
  /** Copies of the weights that one `advance` can make. */
  readonly mostCaptures: number;
  /**
   * Up to `steps` updates, 1..`longestAdvance`.
   *
   * @param measureAt - after how many of them the weights are measured; increasing
   * @param mostThreads - the others are left to trainers beside this one
   */
  advance(
    steps: number,
    captures: Captures,
    measureAt: Int32Array,
    mostThreads: number,
  ): Promise<KernelAdvance>;
  /** Writes the state into arrays of its shape; returns its step. */
  read(arrays: StateArrays): Promise<number>;
  /** The spectral measures of the state, one value a column of `measureColumns`. */
  measure(): Promise<Float64Array>;
  /** An advance under way ends after the step in hand; one that still waits for a thread, at once and with no step made. */
  stop(): void;
  free(): void;
}

export interface Weights {
  readonly theta: Float32Array;
  readonly xi: Float32Array;
}

/** Weights to copy out on the way: [captures, M, p] each. */
export interface Captures extends Weights {
  /** After how many of the call's updates; increasing. Those that were not reached leave their rows as they are. */
  readonly at: Int32Array;
}

export interface KernelAdvance {
  /** Updates made by this call. */
  readonly made: number;
  readonly diverged: boolean;
  /** That worked on it. */
  readonly threads: number;
  /** [columns, steps asked for] row-major; the first `made` values of each column count. */
  readonly trace: Float64Array;
  /** [measureAt, measureColumns] row-major; rows that were not reached mean nothing. */
  readonly measures: Float64Array;
}

/** Longer ones are cut by the caller: a call's trace must fit in memory, and other trainers want their turn. */
export const longestAdvance = 4096;

/** In the order of `Column` in native/abi.h. */
export const traceColumns = [
  "trainLoss",
  "testLoss",
  "correctCommon",
  "correctRare",
  "correctPartner",
  "correctHeldOut",
  "gradientNorm",
  "parameterNorm",
] as const;

/** In the order of `Measure` in native/abi.h. NaN stands for a measure that no neuron has. */
export const measureColumns = [
  "iprTheta",
  "iprXi",
  "meanAbsSinMisalignment",
  "thetaCosineFit",
  "xiCosineFit",
] as const;
