import type { Spec } from "../model/spec.ts";
import type { StageMemory } from "../model/stages.ts";
import type { ProgressPoint } from "./progress-log.ts";

/** Ordered pairs by class: common, rare, partner, held out. */
export type ClassCounts = readonly [number, number, number, number];

/** What is known of a session at one of its steps, without weights and history: plain data, as it is stored. */
export interface Head {
  readonly spec: Spec;
  readonly step: number;
  readonly counts: ClassCounts;
  readonly stages: StageMemory;
  /**
   * Goes up when the session leaves its course (another activation, another engine, a return to a snapshot): equal steps of one course
   * are equal states.
   */
  readonly course: number;
  /** Every update since the session began was made under the present activation; absent of the sessions of earlier versions. */
  readonly isStraight?: boolean;
  /** The engine that makes its updates, and why that one; absent of the sessions of earlier versions, which have the one they began with. */
  readonly engine?: { readonly name: string; readonly reason: string };
  /** Sequences of the oldest retained and the newest progress point, 0 when there is none. */
  readonly oldest: number;
  readonly newest: number;
  readonly latest: ProgressPoint | null;
  /**
   * Where the log lost its points after `newest`: what was recorded before may have counted points that are others now. In order, numbered
   * from 1; those of earlier versions have the time in place of a number.
   */
  readonly cuts: readonly Cut[];
  /** Of each trigger, by name, what it has counted. */
  readonly triggers: Readonly<Record<string, TriggerMemory>>;
}

export interface Cut {
  readonly number?: number;
  readonly timeMs?: number;
  readonly newest: number;
}

export interface TriggerMemory {
  readonly fired: number;
  readonly lastFiredStep?: number;
  readonly lastError?: string;
  /** Recorded steps in a row on which its condition has held. */
  readonly held: number;
  /** Of the trigger that has counted it. */
  readonly id?: string;
  /** It fired at this very step, for what this says, and its action is still to be done. */
  readonly due?: string;
}
