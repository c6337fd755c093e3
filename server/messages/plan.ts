import type { MessageInitShape } from "@bufbuild/protobuf";
import {
  Comparison,
  Measure as MeasureMessage,
  type RunPlan as RunPlanMessage,
  type RunPlanSchema,
  type StopCondition as StopConditionMessage,
  type Threshold as ThresholdMessage,
} from "@grokbox/proto/run";
import { isExtra } from "../sessions/extra-measures.ts";
import { measureRanges } from "../sessions/measure-range.ts";
import type { RunPlan } from "../sessions/plan.ts";
import type { Measure } from "../sessions/progress-log.ts";
import type { Session } from "../sessions/session.ts";
import { enumName, type StopCondition, type Threshold } from "../sessions/stop-conditions.ts";
import type { Checks } from "./checks.ts";
import { defined } from "./defined.ts";
import { hasMeasure, measureNumber, parseMeasure } from "./measure.ts";

const maxStep = Number.MAX_SAFE_INTEGER;

/** A run's plan, its lists as they were sent, checked as far as that is possible without the session. */
export function parsePlan(checks: Checks, message: RunPlanMessage | undefined, recordEvery: number): RunPlan {
  const untilStep = checks.integer("plan.until_step", message?.untilStep, 1, maxStep);
  return {
    ...(untilStep === undefined ? {} : { untilStep }),
    stopWhen: list(checks, "plan.stop_when", message?.stopWhen ?? [], 16).map((condition, i) =>
      parseCondition(checks, `plan.stop_when[${i}]`, condition),
    ),
    snapshotAt: parseSteps(checks, "plan.snapshot_at", message?.snapshotAt ?? [], 1_000),
    recordEvery: checks.integer("plan.record_every", message?.recordEvery, 1, 1_000_000, recordEvery),
    recordAt: parseSteps(checks, "plan.record_at", message?.recordAt ?? [], 10_000),
  };
}

function parseSteps(checks: Checks, field: string, steps: readonly bigint[], most: number): number[] {
  return list(checks, field, steps, most).map((step, i) =>
    checks.integer(`${field}[${i}]`, step, 1, maxStep, 1),
  );
}

function list<T>(checks: Checks, field: string, values: readonly T[], most: number): readonly T[] {
  if (values.length <= most) return values;
  checks.fail(field, `must be at most ${most}`, values.length);
  return [];
}

function parseCondition(checks: Checks, field: string, { condition }: StopConditionMessage): StopCondition {
  if (condition.case === "plateau") {
    const { windowSteps, lossDelta, accuracyDelta } = condition.value;
    return {
      kind: "plateau",
      windowSteps: checks.integer(`${field}.plateau.window_steps`, windowSteps, 1, 100_000_000, 1_000),
      lossDelta: checks.number(
        `${field}.plateau.loss_delta`,
        lossDelta,
        { over: 0, max: Number.MAX_VALUE },
        1e-4,
      ),
      accuracyDelta: checks.number(
        `${field}.plateau.accuracy_delta`,
        accuracyDelta,
        { over: 0, max: 1 },
        1e-3,
      ),
    };
  }
  if (condition.case !== "threshold") checks.fail(field, "must have a threshold or a plateau");
  return parseThreshold(
    checks,
    `${field}.threshold`,
    condition.case === "threshold" ? condition.value : undefined,
  );
}

/** A threshold; one that is missing is for the caller to refuse. */
export function parseThreshold(
  checks: Checks,
  field: string,
  message: ThresholdMessage | undefined,
): Threshold {
  const { measure, comparison, value, forRecorded } = message ?? {
    measure: MeasureMessage.TRAIN_LOSS,
    comparison: Comparison.AT_LEAST,
    value: 0,
    forRecorded: 1,
  };
  const found = parseMeasure(measure);
  if (found === undefined) checks.fail(`${field}.measure`, "must be one of the measures", measure);
  if (comparison !== Comparison.AT_LEAST && comparison !== Comparison.AT_MOST) {
    checks.fail(`${field}.comparison`, "must be COMPARISON_AT_LEAST or COMPARISON_AT_MOST", comparison);
  }
  return {
    kind: "threshold",
    measure: found ?? "trainLoss",
    comparison: comparison === Comparison.AT_MOST ? "<=" : ">=",
    value: found === undefined ? value : parseBound(checks, `${field}.value`, value, found),
    forRecorded: checks.integer(`${field}.for_recorded`, forRecorded, 1, 100_000, 1),
  };
}

/** A value beside what its measure can be would hold always or never: 90, where somebody means 90%. */
function parseBound(checks: Checks, field: string, value: number, measure: Measure): number {
  const { least, most } = measureRanges[measure];
  const isWithin = value >= (least ?? -Number.MAX_VALUE) && value <= (most ?? Number.MAX_VALUE);
  if (isWithin) return value;
  const range =
    least === undefined
      ? `finite and at most ${most}`
      : most === undefined
        ? `finite and at least ${least}`
        : `${least} to ${most}`;
  checks.fail(field, `must be ${range}, as ${enumName(measure)} is`, value);
  return 0;
}

/** Refuses conditions on measures that the session doesn't have. */
export function checkMeasures(checks: Checks, plan: RunPlan, session: Session): void {
  plan.stopWhen.forEach((condition, i) => {
    if (condition.kind === "plateau" || hasMeasure(session, condition.measure)) return;
    const why = isExtra(condition.measure)
      ? "its measure_schedule does not have it"
      : "its test set or this class of pairs is empty";
    checks.fail(
      `plan.stop_when[${i}].threshold.measure`,
      `must be a measure that ${session.name} has (${why}); got ${enumName(condition.measure)}`,
    );
  });
}

export function planMessage(plan: RunPlan): MessageInitShape<typeof RunPlanSchema> {
  return {
    ...defined({ untilStep: plan.untilStep === undefined ? undefined : BigInt(plan.untilStep) }),
    stopWhen: plan.stopWhen.map((condition) => ({ condition: conditionMessage(condition) })),
    snapshotAt: plan.snapshotAt.map(BigInt),
    recordEvery: plan.recordEvery,
    recordAt: plan.recordAt.map(BigInt),
  };
}

function conditionMessage(condition: StopCondition) {
  if (condition.kind === "plateau") {
    const { windowSteps, lossDelta, accuracyDelta } = condition;
    return {
      case: "plateau" as const,
      value: { windowSteps: BigInt(windowSteps), lossDelta, accuracyDelta },
    };
  }
  return { case: "threshold" as const, value: thresholdMessage(condition) };
}

export function thresholdMessage({ measure, comparison, value, forRecorded }: Threshold) {
  return {
    measure: measureNumber(measure),
    comparison: comparison === ">=" ? Comparison.AT_LEAST : Comparison.AT_MOST,
    value,
    forRecorded,
  };
}
