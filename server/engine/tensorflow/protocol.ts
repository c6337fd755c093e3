import type { SpectralMeasures } from "../../model/spectral-measures.ts";
import type { Advance, Problem, Trace, TrainerState } from "../engine.ts";
import type { Backend } from "./backend.ts";

/** What the engine asks of the thread that computes: of each call, its arguments and its result. */
export interface Calls {
  /** Makes trainer `trainer`, a number that the caller chose, and returns the trace of its state. */
  open: [{ trainer: number; problem: Problem; state: TrainerState; stop: StopFlag }, Trace];
  advance: [
    { trainer: number; steps: number; weightsAt: readonly number[]; measureAt: readonly number[] },
    Advance,
  ];
  readState: [{ trainer: number }, TrainerState];
  measure: [{ trainer: number }, SpectralMeasures];
  close: [{ trainer: number }, undefined];
  memory: [Record<never, never>, TensorMemory];
}

/**
 * One number in shared memory. While it isn't 0, an advance of its trainer ends: at once when it waits for its turn, else after
 * the step in hand, which no message could do.
 */
export type StopFlag = Int32Array<SharedArrayBuffer>;

/** What TensorFlow.js holds, of all trainers together. */
export interface TensorMemory {
  readonly tensors: number;
  readonly bytes: number;
}

export type Kind = keyof Calls;

/** A message to the thread. */
export type Call<K extends Kind = Kind> = { [k in K]: { id: number; kind: k; args: Calls[k][0] } }[K];

/** A message back; errors keep their class when it is one of the language's own. */
export type Reply = { id: number; result: unknown } | { id: number; error: Error };

/** The first message of the thread. */
export type Greeting =
  | { backend: Backend; isa: string; device: string; deterministic: boolean }
  | { failure: string };
