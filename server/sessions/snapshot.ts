import { createHash } from "node:crypto";
import { setImmediate } from "node:timers/promises";
import type { TrainerState } from "../engine/engine.ts";
import type { Spec } from "../model/spec.ts";
import type { Head } from "./head.ts";

/** Why a snapshot was taken. Those of the kind `scheduled` are deleted in time, unless they have a label or forks. */
export type SnapshotKind = "requested" | "scheduled" | "stage" | "triggered" | "replaced";

/** What a store keeps beside a snapshot's arrays: plain data. */
export interface SnapshotMeta {
  /** What was known at that step; its trigger counts too. */
  readonly head: Omit<Head, "latest">;
  readonly preset: string;
  readonly label: string;
}

/** A snapshot without its arrays. */
export interface SnapshotInfo extends SnapshotMeta {
  /** sessions/{id} */
  readonly session: string;
  readonly step: number;
  readonly createTimeMs: number;
  readonly kind: SnapshotKind;
  /** Has a label, or was forked from: is not deleted by itself. */
  readonly pinned: boolean;
  /** Sessions forked from it that there still are, or that this server has seen. */
  readonly forks: number;
  readonly arrays: readonly ArrayName[];
  /** Of the arrays' bytes, in the order of `arrays`. */
  readonly sha256: Uint8Array;
}

/** An immutable copy of a session's whole state at one step. */
export interface Snapshot {
  readonly info: SnapshotInfo;
  readonly spec: Spec;
  readonly state: TrainerState;
  /** [p, p] mask of training pairs. */
  readonly train: Uint8Array;
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

/** Bytes hashed at a time: some milliseconds of the event loop. */
const hashedBytes = 2 ** 22;

/** SHA-256 of a state's arrays, letting others have the event loop on the way. */
export async function digest(state: TrainerState): Promise<Uint8Array> {
  const hash = createHash("sha256");
  for (const { data } of arrays(state)) {
    const bytes = bytesOf(data);
    for (let start = 0; start < bytes.length; start += hashedBytes) {
      if (start > 0) await setImmediate();
      hash.update(bytes.subarray(start, start + hashedBytes));
    }
  }
  return hash.digest();
}

/** A state from its arrays, in any order. */
export function stateOf(
  step: number,
  stored: readonly { readonly name: string; readonly data: Float32Array }[],
): TrainerState {
  const byName = Object.fromEntries(stored.map(({ name, data }) => [name, data]));
  const { theta, xi, theta_first, theta_second, xi_first, xi_second } = byName as Record<
    ArrayName,
    Float32Array
  >;
  if (theta_first === undefined) return { step, theta, xi };
  const moments = {
    thetaFirst: theta_first,
    thetaSecond: theta_second,
    xiFirst: xi_first,
    xiSecond: xi_second,
  };
  return { step, theta, xi, moments };
}

/** The same memory as bytes; little-endian, as every machine that Node 24 supports. */
export function bytesOf(data: Float32Array): Uint8Array {
  return new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
}
