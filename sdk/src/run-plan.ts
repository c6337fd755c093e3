import type { MessageInitShape } from "@bufbuild/protobuf";
import {
  Comparison,
  Measure as MeasureMessage,
  type RunPlan as RunPlanMessage,
  type RunPlanSchema,
  type StopCondition as StopConditionMessage,
} from "@grokbox/proto/run";
import { defined } from "./defined.ts";
import { invalidField } from "./error.ts";
import { fromOptionalUint64, fromUint64, toOptionalUint64, toUint64 } from "./uint64.ts";

const measures = {
  trainLoss: MeasureMessage.TRAIN_LOSS,
  testLoss: MeasureMessage.TEST_LOSS,
  trainAccuracy: MeasureMessage.TRAIN_ACCURACY,
  testAccuracy: MeasureMessage.TEST_ACCURACY,
  commonAccuracy: MeasureMessage.COMMON_ACCURACY,
  rareAccuracy: MeasureMessage.RARE_ACCURACY,
  partnerAccuracy: MeasureMessage.PARTNER_ACCURACY,
  heldOutAccuracy: MeasureMessage.HELD_OUT_ACCURACY,
  ipr: MeasureMessage.IPR,
  meanAbsSinMisalignment: MeasureMessage.MEAN_ABS_SIN_MISALIGNMENT,
  parameterNorm: MeasureMessage.PARAMETER_NORM,
  gradientNorm: MeasureMessage.GRADIENT_NORM,
} as const;

/** What a stop condition can look at. */
export type Measure = keyof typeof measures;

/** When to stop a run; looked at on recorded steps. */
export type StopCondition =
  | (Bound & {
      readonly measure: Measure;
      /** Recorded steps in a row on which the bound must hold. @default 1 */
      readonly forRecorded?: number | undefined;
    })
  | { readonly plateau: Plateau };

type Bound =
  | { readonly atLeast: number; readonly atMost?: undefined }
  | { readonly atMost: number; readonly atLeast?: undefined };

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

/** A plan that a session follows: complete. */
export interface RunPlanUnderWay extends RunPlan {
  readonly stopWhen: readonly StopCondition[];
  readonly snapshotAt: readonly number[];
  readonly recordAt: readonly number[];
}

export function toRunPlan(plan: RunPlan): MessageInitShape<typeof RunPlanSchema> {
  const { stopWhen = [], snapshotAt = [], recordAt = [] } = plan;
  const conditions: readonly StopCondition[] = Array.isArray(stopWhen) ? stopWhen : [stopWhen];
  return {
    untilStep: toOptionalUint64(plan.untilStep, "plan.until_step"),
    stopWhen: conditions.map((condition, i) => ({
      condition: toCondition(condition, `plan.stop_when[${i}]`),
    })),
    snapshotAt: snapshotAt.map((step, i) => toUint64(step, `plan.snapshot_at[${i}]`)),
    recordEvery: plan.recordEvery,
    recordAt: recordAt.map((step, i) => toUint64(step, `plan.record_at[${i}]`)),
  };
}

function toCondition(condition: StopCondition, field: string) {
  if ("plateau" in condition) {
    const { windowSteps, lossDelta, accuracyDelta } = condition.plateau;
    const window = toOptionalUint64(windowSteps, `${field}.plateau.window_steps`);
    return { case: "plateau" as const, value: { windowSteps: window, lossDelta, accuracyDelta } };
  }
  const { measure, atLeast, atMost, forRecorded } = condition;
  if (!Object.hasOwn(measures, measure)) {
    throw invalidField(`${field}.measure`, `must be one of ${Object.keys(measures).join(", ")}`, measure);
  }
  const value = atLeast ?? atMost;
  if (value === undefined || (atLeast !== undefined && atMost !== undefined)) {
    throw invalidField(field, "must have either atLeast or atMost");
  }
  const comparison = atLeast === undefined ? Comparison.AT_MOST : Comparison.AT_LEAST;
  return {
    case: "threshold" as const,
    value: { measure: measures[measure], comparison, value, forRecorded },
  };
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
  const { value, forRecorded } = condition.value;
  const measure = (Object.keys(measures) as Measure[]).find(
    (name) => measures[name] === condition.value.measure,
  );
  if (measure === undefined) return [];
  const bound = condition.value.comparison === Comparison.AT_MOST ? { atMost: value } : { atLeast: value };
  return [{ measure, ...bound, ...defined({ forRecorded }) }];
}
