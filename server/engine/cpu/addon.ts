import { existsSync, readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { fileURLToPath } from "node:url";
import { addonFile, addonFingerprint, addonStamp } from "./fingerprint.js";

/** What native/addon.cc exports. Handles are opaque. */
export interface Addon {
  /** Builds that this machine runs, best first. */
  isas(): string[];
  /** Measured fused multiply-add peak in GFLOP/s. Blocks for the time given. */
  peakGflops(isa: string, threads: number, milliseconds: number): number;
  createEngine(isa: string, threads: number): EngineHandle;
  closeEngine(engine: EngineHandle): void;
  createTrainer(
    engine: EngineHandle,
    scalars: Float64Array,
    labels: Uint8Array,
    classes: Uint8Array,
    availableBytes: number,
  ): TrainerHandle;
  freeTrainer(trainer: TrainerHandle): void;
  load(
    engine: EngineHandle,
    trainer: TrainerHandle,
    step: number,
    state: StateList,
    trace: Float64Array,
  ): Promise<JobResult>;
  advance(
    engine: EngineHandle,
    trainer: TrainerHandle,
    steps: number,
    captures: Int32Array,
    state: StateList,
    trace: Float64Array,
    measureAt: Int32Array,
    measures: Float64Array,
    mostThreads: number,
  ): Promise<JobResult>;
  read(engine: EngineHandle, trainer: TrainerHandle, state: StateList): Promise<JobResult>;
  measure(engine: EngineHandle, trainer: TrainerHandle, measures: Float64Array): Promise<JobResult>;
  stop(engine: EngineHandle, trainer: TrainerHandle): void;
  logits(
    engine: EngineHandle,
    modulus: number,
    width: number,
    activation: number,
    theta: Float32Array | Float64Array,
    xi: Float32Array | Float64Array,
    logits: Float64Array,
  ): Promise<JobResult>;
}

export type EngineHandle = { readonly engine: unique symbol };
export type TrainerHandle = { readonly trainer: unique symbol };
/** As `stateLayout` says: `State` in native/abi.h. */
export type StateList = readonly (Float32Array | undefined)[];
/** step, updates made, diverged, threads that worked on it: 0 when it was withdrawn */
export type JobResult = [number, number, number, number];

/** The addon, or why there is none: not built (no compiler), built from other sources, or not loadable here. */
export function loadAddon(): { readonly addon: Addon } | { readonly reason: string } {
  loaded ??= load();
  return loaded;
}

let loaded: ReturnType<typeof loadAddon> | undefined;

function load(): ReturnType<typeof loadAddon> {
  if (!existsSync(addonStamp)) return { reason: "the native kernel is not built (npm run build:addon)" };
  try {
    const { fingerprint } = JSON.parse(readFileSync(addonStamp, "utf8"));
    if (fingerprint !== addonFingerprint()) {
      return { reason: "the native kernel was built from other sources (npm run build:addon)" };
    }
    return { addon: createRequire(import.meta.url)(fileURLToPath(addonFile)) as Addon };
  } catch (error) {
    const [summary] = (error as Error).message.split("\n");
    return { reason: `the native kernel can't be loaded: ${summary}` };
  }
}
