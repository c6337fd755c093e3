import type { TrainerState } from "../../engine/engine.ts";
import type { Spec } from "../../model/spec.ts";

/** What a snapshot's file holds. */
export interface StateFile {
  /** Updates made. */
  readonly step: number;
  readonly spec: Spec;
  /** Float32 [M, p] each. */
  readonly state: TrainerState;
  /** [p, p] mask of training pairs, 1 or 0. */
  readonly train: Uint8Array;
  /** sessions/{id} */
  readonly session: string;
  readonly createTimeMs: number;
}

/** A file as the pieces to send one after another: the arrays' own memory, with small headers between them. */
export interface FileSegments {
  readonly totalBytes: number;
  readonly segments: readonly Uint8Array[];
}

export function fileOf(segments: readonly Uint8Array[]): FileSegments {
  return { totalBytes: segments.reduce((sum, { length }) => sum + length, 0), segments };
}
