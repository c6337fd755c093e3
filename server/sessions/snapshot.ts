import { createHash } from "node:crypto";
import { setImmediate } from "node:timers/promises";
import type { TrainerState } from "../engine/engine.ts";
import {
  arraysOf,
  type StateArrayName,
  type StateArrays,
  shapeOf,
  stateArrayNames,
  stateFrom,
} from "../model/network-state.ts";
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

/** The arrays of a state as files, messages and the store call them, in the order in which they travel. */
export const arrayNames: readonly ArrayName[] = stateArrayNames.map(outerName);
export type ArrayName = Outer<StateArrayName>;

type Outer<Name extends string> = Name extends `${infer Layer}${"First" | "Second" | "Average"}`
  ? `${Layer}_${Uncapitalize<Name extends `${Layer}${infer Kept}` ? Kept : never>}`
  : Name;

/** `thetaFirst` is `theta_first` outside. */
export function outerName(name: StateArrayName): ArrayName {
  return name.replace(/[A-Z]/, (letter) => `_${letter.toLowerCase()}`) as ArrayName;
}

function innerName(name: string): StateArrayName {
  return name.replace(/_(.)/, (_, letter: string) => letter.toUpperCase()) as StateArrayName;
}

/** The arrays of a state in the order in which they travel. */
export function arrays(state: Omit<TrainerState, "step">): NamedArray[] {
  const all = arraysOf(state);
  return stateArrayNames.flatMap((name) => {
    const data = all[name];
    return data === undefined ? [] : [{ name: outerName(name), data }];
  });
}

/** [rows, columns] of an array in the state of a network of this spec. */
export function arrayShape(
  name: ArrayName,
  { modulus, width, embedding }: Pick<Spec, "modulus" | "width" | "embedding">,
): [number, number] {
  return [...shapeOf(innerName(name), { modulus, width, dimension: embedding?.dimension ?? 0 })];
}

export function stateBytes(state: TrainerState): number {
  return arrays(state).reduce((sum, { data }) => sum + data.byteLength, 0);
}

/** Of a snapshot that is read: of its arrays and its mask. */
export function snapshotBytes({ arrays: names, head }: Pick<SnapshotInfo, "arrays" | "head">): number {
  const { modulus } = head.spec;
  const numbers = names
    .map((name) => arrayShape(name, head.spec))
    .reduce((sum, [rows, columns]) => sum + rows * columns, 0);
  return numbers * Float32Array.BYTES_PER_ELEMENT + modulus * modulus;
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
  return stateFrom(
    step,
    Object.fromEntries(stored.map(({ name, data }) => [innerName(name), data])) as StateArrays,
  );
}

/** The same memory as bytes; little-endian, as every machine that Node 24 supports. */
export function bytesOf(data: Float32Array): Uint8Array {
  return new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
}
