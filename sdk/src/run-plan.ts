import type { MessageInitShape } from "@bufbuild/protobuf";
import type {
  RunPlan as RunPlanMessage,
  RunPlanSchema,
  StopCondition as StopConditionMessage,
} from "@grokbox/proto/run";
import { defined } from "./defined.ts";
import { type Known, refuseUnknown } from "./known-keys.ts";
import { fromThreshold, type Threshold, thresholdKeys, toThreshold } from "./threshold.ts";
import { fromOptionalUint64, fromUint64, toOptionalUint64, toUint64 } from "./uint64.ts";

/** When to stop a run; looked at on recorded steps. */
export type StopCondition = Threshold | { readonly plateau: Plateau };

/** Nothing moves any more: over the window every loss and every accuracy changed by less than this. */
export interface Plateau {
  /** @default 1,000 */
  readonly windowSteps?: number | undefined;
  /** Nats. @default 1e-4 */
  readonly lossDelta?: number | undefined;
  /** @default 1e-3 */
  readonly accuracyDelta?: number | undefined;
}

/** What a background run is to do. */
export interface RunPlan {
  /** Stop at this step. Left out: only a condition or a pause stops the run. */
  readonly untilStep?: number | undefined;
  /** Stop as soon as one of these holds. */
  readonly stopWhen?: StopCondition | readonly StopCondition[] | undefined;
  /** Keep a snapshot at each of these steps. */
  readonly snapshotAt?: readonly number[] | undefined;
  /** Steps between progress points. @default the session's own */
  readonly recordEvery?: number | undefined;
  /** Steps to record besides. */
  readonly recordAt?: readonly number[] | undefined;
}

export const planKeys: Known<RunPlan> = {
  untilStep: true,
  stopWhen: true,
  snapshotAt: true,
  recordEvery: true,
  recordAt: true,
};

const plateauKeys: Known<Plateau> = { windowSteps: true, lossDelta: true, accuracyDelta: true };
const onlyPlateau = { plateau: true } as const;
const conditionKeys: Known<StopCondition> = { ...thresholdKeys, ...onlyPlateau };

/** A plan that a session follows: complete. */
export interface RunPlanUnderWay extends RunPlan {
  readonly stopWhen: readonly StopCondition[];
  readonly snapshotAt: readonly number[];
  readonly recordAt: readonly number[];
}

/**
 * Which keys the plan itself may have is the caller's to check.
 *
 * @param field - of the request, for errors
 */
export function toRunPlan(plan: RunPlan, field = "plan"): MessageInitShape<typeof RunPlanSchema> {
  const { stopWhen = [], snapshotAt = [], recordAt = [] } = plan;
  const conditions: readonly StopCondition[] = Array.isArray(stopWhen) ? stopWhen : [stopWhen];
  return {
    untilStep: toOptionalUint64(plan.untilStep, `${field}.until_step`),
    stopWhen: conditions.map((condition, i) => ({
      condition: toCondition(condition, `${field}.stop_when[${i}]`),
    })),
    snapshotAt: snapshotAt.map((step, i) => toUint64(step, `${field}.snapshot_at[${i}]`)),
    recordEvery: plan.recordEvery,
    recordAt: recordAt.map((step, i) => toUint64(step, `${field}.record_at[${i}]`)),
  };
}

function toCondition(condition: StopCondition, field: string) {
  refuseUnknown(condition, conditionKeys, field);
  if ("plateau" in condition && condition.plateau !== undefined) {
    refuseUnknown(condition, onlyPlateau, field);
    refuseUnknown(condition.plateau, plateauKeys, `${field}.plateau`);
    const { windowSteps, lossDelta, accuracyDelta } = condition.plateau;
    const window = toOptionalUint64(windowSteps, `${field}.plateau.window_steps`);
    return { case: "plateau" as const, value: { windowSteps: window, lossDelta, accuracyDelta } };
  }
  return { case: "threshold" as const, value: toThreshold(condition as Threshold, field) };
}

export function fromRunPlan(message: RunPlanMessage): RunPlanUnderWay {
  return {
    ...defined({ untilStep: fromOptionalUint64(message.untilStep), recordEvery: message.recordEvery }),
    stopWhen: message.stopWhen.flatMap(fromCondition),
    snapshotAt: message.snapshotAt.map(fromUint64),
    recordAt: message.recordAt.map(fromUint64),
  };
}

/** Nothing for a condition that is newer than this SDK. */
function fromCondition({ condition }: StopConditionMessage): StopCondition[] {
  if (condition.case === "plateau") {
    const { windowSteps, lossDelta, accuracyDelta } = condition.value;
    return [{ plateau: defined({ windowSteps: fromOptionalUint64(windowSteps), lossDelta, accuracyDelta }) }];
  }
  if (condition.case !== "threshold") return [];
  const threshold = fromThreshold(condition.value);
  return threshold === undefined ? [] : [threshold];
}
