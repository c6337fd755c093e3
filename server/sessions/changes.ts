import type { TrainerState } from "../engine/engine.ts";
import { otherFrequencies } from "../model/frequency-mask.ts";
import { arraysOf, type StateArrays, stateFrom } from "../model/network-state.ts";
import { overlay } from "../model/presets.ts";
import type { Spec } from "../model/spec.ts";
import type { SpecInput } from "../model/spec-input.ts";
import { specViolations } from "../model/spec-rules.ts";
import type { Subject } from "./analysis.ts";
import type { Analyst } from "./analyst.ts";
import type { FieldViolation } from "./errors.ts";

/** What a fork does differently: plain data. */
export interface Changes {
  /** Of the source's spec: activation, optimizer, schedule, split. */
  readonly spec: Pick<SpecInput, "activation" | "optimizer" | "schedule" | "split">;
  /** Frequencies to take out of both layers, 1..K; at most one of the two lists has entries. */
  readonly removeFrequencies: readonly number[];
  /** Frequencies to keep. */
  readonly keepFrequencies: readonly number[];
}

export const unchanged: Changes = { spec: {}, removeFrequencies: [], keepFrequencies: [] };

/** The spec after the changes; not checked. */
export function changedSpec(spec: Spec, changes: Changes): Spec {
  return overlay(spec, changes.spec);
}

/** What is wrong with the changes for a network of this spec; fields as in the model's spec, below `spec`. */
export function changesViolations(spec: Spec, changes: Changes): FieldViolation[] {
  const most = (spec.modulus - 1) / 2;
  const outside = (field: string, frequencies: readonly number[]) =>
    frequencies.flatMap((k, i) =>
      k >= 1 && k <= most
        ? []
        : [
            {
              field: `${field}[${i}]`,
              description: `must be 1 to ${most}, a frequency of Z_${spec.modulus}; got ${k}`,
            },
          ],
    );
  return [
    ...specViolations(changedSpec(spec, changes)).map(({ field, description }) => ({
      field: `spec.${field}`,
      description,
    })),
    ...outside("remove_frequencies", changes.removeFrequencies),
    ...outside("keep_frequencies", changes.keepFrequencies),
  ];
}

/**
 * A network with changes made to it. Moments stay with the kind of optimizer that made them, averages as long as there is Grokfast;
 * frequencies are taken out of weights, first moments and averages, which are linear in them; second moments have no part of a frequency
 * and stay. With a learned embedding they are taken out of W_E, and so out of theta; W_in has none.
 *
 * @returns `train` is absent when the split is to be drawn anew
 */
export async function applyChanges(
  { spec, state, train }: Subject,
  changes: Changes,
  analyst: Analyst,
): Promise<{ spec: Spec; state: TrainerState; train: Uint8Array | undefined }> {
  const after = changedSpec(spec, changes);
  const removed =
    changes.keepFrequencies.length > 0
      ? otherFrequencies(spec.modulus, changes.keepFrequencies)
      : changes.removeFrequencies;
  const mask = (rows: Float32Array) =>
    removed.length === 0
      ? rows
      : analyst.run("removeFrequencies", 2 * rows.length * spec.modulus, rows, spec.modulus, removed);
  const { moments, averages, ...weights } = state;
  const kept = {
    ...weights,
    ...(moments && after.optimizer.kind === spec.optimizer.kind && { moments }),
    ...(averages && after.optimizer.grokfast && { averages }),
  };
  const masked: StateArrays = Object.fromEntries(
    await Promise.all(
      Object.entries(arraysOf(kept)).map(async ([name, rows]) => [
        name,
        name.startsWith("projection") || name.endsWith("Second") ? rows : await mask(rows!),
      ]),
    ),
  );
  return {
    spec: after,
    state: stateFrom(state.step, masked),
    train: JSON.stringify(after.split) === JSON.stringify(spec.split) ? train : undefined,
  };
}
