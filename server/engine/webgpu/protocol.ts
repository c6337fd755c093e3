import type { SpectralMeasures } from "../../model/spectral-measures.ts";
import type { Advance, Problem, Trace, TrainerState } from "../engine.ts";
import type { DeviceInfo } from "./device.ts";
import type { GpuOptions } from "./gpu.ts";

/** What the engine asks of the thread that has the device: of each call, its arguments and its result. */
export interface Calls {
  /** Makes trainer `trainer`, a number that the caller chose, and returns the trace of its state. */
  open: [{ trainer: number; problem: Problem; state: TrainerState }, Trace];
  advance: [
    { trainer: number; steps: number; weightsAt: readonly number[]; measureAt: readonly number[] },
    Advance,
  ];
  /** Ends the advance that is under way, if any, after what was submitted of it. */
  stop: [{ trainer: number }, undefined];
  readState: [{ trainer: number }, TrainerState];
  measure: [{ trainer: number }, SpectralMeasures];
  close: [{ trainer: number }, undefined];
  residence: [Record<never, never>, Residence];
  /** As if the driver had been reset. */
  lose: [Record<never, never>, undefined];
  /** Ends all that is under way and takes no more calls. */
  quit: [Record<never, never>, undefined];
}

/** What the thread holds. */
export interface Residence {
  readonly device: DeviceInfo;
  readonly trainers: number;
  /** Bytes of device memory in buffers, of trainers and of room for more of their shapes. */
  readonly bytes: number;
}

export type Kind = keyof Calls;

/** A call to the thread. Those of one moment travel in one message, so that a cohort's steps meet in one submission. */
export type Call<K extends Kind = Kind> = { [k in K]: { id: number; kind: k; args: Calls[k][0] } }[K];

/** An answer; those of one moment travel in one message. */
export type Reply = { readonly id: number; readonly result: unknown } | Failed;

export interface Failed {
  readonly id: number;
  /** Of the language's own classes, which are kept between threads. */
  readonly error: Error;
  /** The device was lost: which loss it was, counted from 0. */
  readonly loss?: number;
}

/** The first message of the thread. */
export type Greeting = { readonly device: DeviceInfo } | { readonly failure: string };

export interface ThreadData {
  readonly options: GpuOptions;
  /** Becomes 1 when the thread has quit: then it may be ended, and no earlier. */
  readonly hasQuit: Int32Array<SharedArrayBuffer>;
}
