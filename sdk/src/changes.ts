import type { MessageInitShape } from "@bufbuild/protobuf";
import type { Changes as ChangesMessage, ChangesSchema } from "@grokbox/proto/retention";
import type { Spec as SpecMessage } from "@grokbox/proto/spec";
import { defined } from "./defined.ts";
import { invalidField } from "./error.ts";
import type { Known } from "./known-keys.ts";
import {
  type GrokfastInput,
  type OptimizerInput,
  type SpecInput,
  type SplitInput,
  toOptimizer,
  toSplit,
} from "./spec-input.ts";

/** What a fork does differently from the session that it comes from. What is left out is as there. */
export interface Changes {
  readonly activation?: SpecInput["activation"];
  /** Of the source's kind, what is left out is as there; of another kind, its own defaults, and its moments begin at zero. */
  readonly optimizer?: OptimizerInput | undefined;
  /** Steps over which the learning rate rises from 0; 0 for none. */
  readonly warmupSteps?: number | undefined;
  /** Which pairs train. */
  readonly split?: SplitInput | undefined;
  /**
   * Take these frequencies, each 1 to (p - 1) / 2, out of every row of both layers, of W_E where that is learned, and out of AdamW's first
   * moments and Grokfast's averages. Not with `keepFrequencies`.
   */
  readonly removeFrequencies?: readonly number[] | undefined;
  /** Take out all other frequencies; means stay. */
  readonly keepFrequencies?: readonly number[] | undefined;
}

/** Changes as people write them. */
export interface ChangesInput extends Omit<Changes, "optimizer"> {
  readonly optimizer?: OptimizerInput | OptimizerInput["kind"] | undefined;
  /** Of the optimizer, per step; by itself it leaves the kind of optimizer and its other settings as they are. */
  readonly learningRate?: number | undefined;
  /** Of the optimizer; by itself it leaves the kind of optimizer and its other settings as they are. */
  readonly weightDecay?: number | undefined;
  /** Of the optimizer; by itself it leaves the rest as it is. `{ lambda: 0 }` takes it out. */
  readonly grokfast?: GrokfastInput | undefined;
}

export const changesKeys: Known<ChangesInput> = {
  activation: true,
  optimizer: true,
  learningRate: true,
  weightDecay: true,
  grokfast: true,
  warmupSteps: true,
  split: true,
  removeFrequencies: true,
  keepFrequencies: true,
};

/**
 * Which keys the input itself may have is the caller's to check.
 *
 * @param kindHere - of the source's optimizer
 * @param field - of the request, for errors
 */
export function toChanges(
  input: ChangesInput,
  kindHere: OptimizerInput["kind"],
  field: string,
): MessageInitShape<typeof ChangesSchema> | undefined {
  const { activation, warmupSteps, split } = input;
  const spec = {
    activation,
    optimizer: toOptimizer(input, () => kindHere, `${field}.spec`),
    schedule: warmupSteps === undefined ? undefined : { warmupSteps },
    split: split === undefined ? undefined : { kind: toSplit(split, `${field}.spec`) },
  };
  const isSame = Object.values(spec).every((value) => value === undefined);
  const removeFrequencies = frequencies(input.removeFrequencies, `${field}.remove_frequencies`);
  const keepFrequencies = frequencies(input.keepFrequencies, `${field}.keep_frequencies`);
  if (isSame && removeFrequencies.length === 0 && keepFrequencies.length === 0) return undefined;
  return { ...(isSame ? {} : { spec }), removeFrequencies, keepFrequencies };
}

export function fromChanges(message: ChangesMessage | undefined): Changes {
  const { spec, removeFrequencies = [], keepFrequencies = [] } = message ?? {};
  return defined({
    activation: spec?.activation,
    optimizer: fromOptimizer(spec?.optimizer?.kind),
    warmupSteps: spec?.schedule?.warmupSteps,
    split: fromSplit(spec?.split?.kind),
    removeFrequencies: removeFrequencies.length === 0 ? undefined : removeFrequencies,
    keepFrequencies: keepFrequencies.length === 0 ? undefined : keepFrequencies,
  });
}

/** An empty list to keep would be sent as no list, and so keep everything. */
function frequencies(list: readonly number[] | undefined, field: string): number[] {
  if (list?.length === 0) throw invalidField(field, "must not be an empty list");
  return [...(list ?? [])];
}

function fromOptimizer(kind: NonNullable<SpecMessage["optimizer"]>["kind"] | undefined) {
  if (kind?.case === undefined) return undefined;
  const { learningRate, weightDecay, grokfast } = kind.value;
  const common = defined({
    learningRate,
    weightDecay,
    grokfast: grokfast && defined({ alpha: grokfast.alpha, lambda: grokfast.lambda }),
  });
  if (kind.case === "sgd") return { kind: kind.case, ...common };
  const { beta1, beta2, epsilon } = kind.value;
  return { kind: kind.case, ...common, ...defined({ beta1, beta2, epsilon }) };
}

function fromSplit(kind: NonNullable<SpecMessage["split"]>["kind"] | undefined): SplitInput | undefined {
  if (kind?.case === undefined) return undefined;
  if (kind.case === "explicit") return { kind: kind.case, trainPairs: kind.value.trainPairs };
  return { kind: kind.case, ...defined({ fraction: kind.value.fraction }) };
}
