import type { NetworkState } from "../model/network-state.ts";
import type { Activation, Embedding, Optimizer, Schedule } from "../model/spec.ts";
import type { SpectralMeasures } from "../model/spectral-measures.ts";

/**
 * Code that computes steps. An engine knows nothing of sessions, users or transport, and promises, per device: the weights
 * after n steps are bit-identical whether the steps came in one call or many, alone or beside other trainers, straight
 * through or through `readState` and `open`.
 */
export interface Engine {
  /** `cpu`, `webgpu` or `tensorflow`. */
  readonly name: string;
  /** Build or back end inside the engine, for people: `addon` or `wasm`. */
  readonly variant: string;
  /** For people: the instruction set or adapter, and the number of threads. */
  readonly device: string;
  /** Instruction set, e.g. `avx512`, `avx2`, `neon`, `simd128`. */
  readonly isa: string;
  /** Of the CPU; 0 of an engine that computes elsewhere. */
  readonly threads: number;
  /** Trainers that it advances side by side at full speed: the threads of a CPU, and more than a few on a GPU, which batches them. */
  readonly parts: number;
  readonly precision: "float32";
  readonly deterministic: boolean;
  /** Bytes of the device's own memory that trainers may take; undefined: they take the host's. */
  readonly memoryBytes?: number;
  /** Options that this engine can't train with; whoever opens a trainer asks before. @default none */
  readonly lacks?: readonly EngineOption[];
  /** Bytes that a trainer takes while it is open, an upper bound: of the device's own memory where it has any. */
  bytesOf(shape: Shape): number;
  /**
   * Makes a trainer resident and computes loss, accuracies and gradients of the given state.
   * `state` is copied, but for a theta that is the product of factors: that one is computed anew. Throws RangeError when it does not
   * fit in memory, and `DeviceLostError` when there is no device any more.
   */
  open(problem: Problem, state: TrainerState): Promise<Trainer>;
  /**
   * Advances a cohort, trainers of this engine and of one shape, in one call: side by side, each on its part of the device. Each has
   * a promise of its own and the bits that it has alone; its signal, its divergence and its error are no other's.
   */
  advance(cohort: readonly Member[]): readonly Promise<Advance>[];
  /**
   * Logits of given weights, for analysis, computed in float64: [p(p+1)/2, p] over the unordered pairs x <= y in lexicographic
   * order. Off the event loop, between the slices of trainers.
   */
  logits(network: Network): Promise<Float64Array>;
  /** Waits for calls under way, then frees everything. Trainers still open become unusable. */
  close(): Promise<void>;
}

/** What an engine may lack: a learned embedding, or Grokfast. */
export type EngineOption = "embedding" | "grokfast";

/** One of a cohort: a trainer with the arguments of its `advance`. */
export interface Member {
  readonly trainer: Trainer;
  readonly steps: number;
  readonly options?: Omit<AdvanceOptions, "cohort">;
}

/** A network to evaluate: theta and xi are [M, p] row-major. */
export interface Network {
  readonly modulus: number;
  readonly width: number;
  readonly activation: Activation;
  readonly theta: Float32Array | Float64Array;
  readonly xi: Float32Array | Float64Array;
}

/** What of a problem decides how much memory and time it takes. */
export type Shape = Pick<Problem, "modulus" | "width" | "activation" | "optimizer" | "embedding">;

/** What a trainer minimizes, and how; constant over its life. */
export interface Problem {
  readonly modulus: number;
  readonly width: number;
  readonly activation: Activation;
  readonly optimizer: Optimizer;
  readonly schedule: Schedule;
  /** Absent: theta itself is trained. Otherwise the state has `factors`. */
  readonly embedding?: Embedding;
  /** [p, p] row-major: the label c(x, y) in 0..p-1. */
  readonly labels: Uint8Array;
  /** [p, p] row-major: the class of each ordered pair, see `PairClass`. */
  readonly classes: Uint8Array;
}

/** Index of a class of ordered pairs, the same as in `model/pair-class.ts`. Common and rare pairs are the training set. */
export const PairClass = { common: 0, rare: 1, partner: 2, heldOut: 3 } as const;

/**
 * Everything that a trainer carries from one step to the next, in float32. `readState` gives the moments and averages of the problem's
 * optimizer, of all arrays that are trained; `open` takes those that are missing as zero moments and averages that have not begun.
 */
export type TrainerState = NetworkState;

export type { Averages, Factors, Moments } from "../model/network-state.ts";

/**
 * One network resident in an engine. Calls on one trainer must not overlap; calls on different trainers may. All of them reject with
 * `DeviceLostError` once the device is gone.
 */
export interface Trainer {
  /** Updates made so far. */
  readonly step: number;
  /** Loss, accuracies and norms of the state at `step`. */
  readonly current: Trace;
  /**
   * Makes up to `steps` updates (>= 1). Ends early, without error, when `signal` aborts (within one step; where steps are
   * submitted in batches, within 50 ms or a few steps), and when the loss of a new state is NaN or infinite: then the trainer is left at the last
   * state whose losses were finite, and `diverged` is true. Off the event loop.
   */
  advance(steps: number, options?: AdvanceOptions): Promise<Advance>;
  /** A copy of the state at `step`. */
  readState(): Promise<TrainerState>;
  /** Spectral measures of the state at `step`, as `AdvanceOptions.measureAt` gives them. Off the event loop. */
  measure(): Promise<SpectralMeasures>;
  /** Frees the memory. Idempotent. */
  close(): void;
}

export interface AdvanceOptions {
  readonly signal?: AbortSignal;
  /** Also copy out the weights after so many of this call's updates; increasing, 1..`steps`. */
  readonly weightsAt?: readonly number[];
  /**
   * Also measure the weights after so many of this call's updates, without copying them out; increasing, 1..`steps`.
   * Equal to `SpectralMeter` within 1e-9 of each measure, and to the last bit however the steps were made.
   */
  readonly measureAt?: readonly number[];
  /**
   * How many trainers, this one among them, are to share the device meanwhile: it takes one part in so many. On a CPU that is so
   * many of the threads, at least one; who has one thread waits at no barrier, and more trainers than threads take turns on them.
   * @default 1
   */
  readonly cohort?: number;
}

export interface Advance {
  /** Updates made by this call, the length of every column of `trace`. */
  readonly steps: number;
  readonly diverged: boolean;
  /** Row i is of the state i + 1 updates after the call began. */
  readonly trace: Trace;
  /** One for each of `weightsAt` that was reached, in that order. */
  readonly weights: readonly Weights[];
  /** One for each of `measureAt` that was reached, in that order. */
  readonly measures: readonly SpectralMeasures[];
}

/** Float32 [M, p] each, owned by the caller. */
export interface Weights {
  readonly theta: Float32Array;
  readonly xi: Float32Array;
}

/**
 * By-products of the forward and backward pass, one row a state, in columns. Losses are mean cross-entropy in nats over
 * the train and test pairs, NaN when there are none. `correct*` count ordered pairs whose argmax (ties to the lowest
 * index) is the label. Norms are Frobenius norms over theta and xi together; the gradient is of the training loss alone,
 * without decay.
 */
export interface Trace {
  readonly trainLoss: Float64Array;
  readonly testLoss: Float64Array;
  readonly correctCommon: Float64Array;
  readonly correctRare: Float64Array;
  readonly correctPartner: Float64Array;
  readonly correctHeldOut: Float64Array;
  readonly gradientNorm: Float64Array;
  readonly parameterNorm: Float64Array;
}
