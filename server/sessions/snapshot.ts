import { createHash } from "node:crypto";
import type { TrainerState } from "../engine/engine.ts";
import type { Spec } from "../model/spec.ts";

/** An immutable copy of a session's whole state at one step. */
export interface Snapshot {
  readonly session: string;
  readonly spec: Spec;
  readonly preset: string;
  readonly state: TrainerState;
  /** [p, p] mask of training pairs. */
  readonly train: Uint8Array;
  readonly createTimeMs: number;
  /** Of the arrays' bytes, in the order of `arrays`. */
  readonly sha256: Uint8Array;
}

export interface NamedArray {
  readonly name: ArrayName;
  readonly data: Float32Array;
}

export const arrayNames = ["theta", "xi", "theta_first", "theta_second", "xi_first", "xi_second"] as const;
export type ArrayName = (typeof arrayNames)[number];

/** The arrays of a state in the order in which they travel: theta, xi, then AdamW's moments when there are any. */
export function arrays({ theta, xi, moments }: TrainerState): NamedArray[] {
  const weights: NamedArray[] = [
    { name: "theta", data: theta },
    { name: "xi", data: xi },
  ];
  if (moments === undefined) return weights;
  return [
    ...weights,
    { name: "theta_first", data: moments.thetaFirst },
    { name: "theta_second", data: moments.thetaSecond },
    { name: "xi_first", data: moments.xiFirst },
    { name: "xi_second", data: moments.xiSecond },
  ];
}

export function stateBytes(state: TrainerState): number {
  return arrays(state).reduce((sum, { data }) => sum + data.byteLength, 0);
}

export function digest(state: TrainerState): Uint8Array {
  const hash = createHash("sha256");
  for (const { data } of arrays(state)) hash.update(bytesOf(data));
  return hash.digest();
}

/** The same memory as bytes; little-endian, as every machine that Node 24 supports. */
export function bytesOf(data: Float32Array): Uint8Array {
  return new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
}
