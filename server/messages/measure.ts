import type { MessageInitShape } from "@bufbuild/protobuf";
import {
  Measure as MeasureMessage,
  type MeasureSchedule as MeasureScheduleMessage,
  type MeasureScheduleSchema,
} from "@grokbox/proto/run";
import type { Spec } from "../model/spec.ts";
import { isExtra } from "../sessions/extra-measures.ts";
import {
  isDefault,
  isSchedulable,
  type MeasureSchedule,
  needsBase,
  neverMeasured,
  type SchedulableMeasure,
} from "../sessions/measure-schedule.ts";
import type { Measure } from "../sessions/progress-log.ts";
import type { Session } from "../sessions/session.ts";
import { enumName } from "../sessions/stop-conditions.ts";
import type { Checks } from "./checks.ts";

const mostScheduled = 64;

const numbers: Readonly<Record<Measure, MeasureMessage>> = {
  trainLoss: MeasureMessage.TRAIN_LOSS,
  testLoss: MeasureMessage.TEST_LOSS,
  trainAccuracy: MeasureMessage.TRAIN_ACCURACY,
  testAccuracy: MeasureMessage.TEST_ACCURACY,
  common: MeasureMessage.COMMON_ACCURACY,
  rare: MeasureMessage.RARE_ACCURACY,
  partner: MeasureMessage.PARTNER_ACCURACY,
  heldOut: MeasureMessage.HELD_OUT_ACCURACY,
  ipr: MeasureMessage.IPR,
  meanAbsSinMisalignment: MeasureMessage.MEAN_ABS_SIN_MISALIGNMENT,
  parameterNorm: MeasureMessage.PARAMETER_NORM,
  gradientNorm: MeasureMessage.GRADIENT_NORM,
  iprTheta: MeasureMessage.IPR_THETA,
  iprXi: MeasureMessage.IPR_XI,
  thetaCosineFit: MeasureMessage.THETA_COSINE_FIT,
  xiCosineFit: MeasureMessage.XI_COSINE_FIT,
  dominantOnlyTrainLoss: MeasureMessage.DOMINANT_ONLY_TRAIN_LOSS,
  dominantOnlyTestLoss: MeasureMessage.DOMINANT_ONLY_TEST_LOSS,
  dominantRemovedTrainLoss: MeasureMessage.DOMINANT_REMOVED_TRAIN_LOSS,
  dominantRemovedTestLoss: MeasureMessage.DOMINANT_REMOVED_TEST_LOSS,
  magnitudeDrift: MeasureMessage.MAGNITUDE_DRIFT,
  phaseDrift: MeasureMessage.PHASE_DRIFT,
  misalignmentError: MeasureMessage.MISALIGNMENT_ERROR,
  maxProbabilityDeviation: MeasureMessage.MAX_PROBABILITY_DEVIATION,
  votingResidual: MeasureMessage.VOTING_RESIDUAL,
  votingRSquared: MeasureMessage.VOTING_R_SQUARED,
};

const byNumber = new Map((Object.keys(numbers) as Measure[]).map((name) => [numbers[name], name]));

/** The domain's word for a measure, or undefined for one that there isn't. */
export function parseMeasure(measure: MeasureMessage): Measure | undefined {
  return byNumber.get(measure);
}

export function measureNumber(measure: Measure): MeasureMessage {
  return numbers[measure];
}

/** Its points have the measure, or will have: of a default one that the latest lacks, others are to carry it. */
export function hasMeasure(session: Session, measure: Measure): boolean {
  if (isExtra(measure)) return session.measures.some((scheduled) => scheduled.measure === measure);
  return isDefault(measure) || session.log.latest?.[measure] !== undefined;
}

/** What the points of a session of this spec are to carry; undefined when nothing is said of it. */
export function parseMeasureSchedule(
  checks: Checks,
  message: MeasureScheduleMessage | undefined,
  spec: Spec,
  recordEvery: number,
): MeasureSchedule | undefined {
  if (message === undefined) return undefined;
  const { measures } = message;
  if (measures.length > mostScheduled) {
    checks.fail("measure_schedule.measures", `must be at most ${mostScheduled}`, measures.length);
  }
  const seen = new Set<SchedulableMeasure>();
  return measures.slice(0, mostScheduled).flatMap(({ measure: number, every: steps }, i) => {
    const field = `measure_schedule.measures[${i}]`;
    const every = checks.integer(`${field}.every`, steps, 1, 1_000_000, recordEvery);
    const measure = parseMeasure(number);
    if (measure === undefined || !isSchedulable(measure)) {
      checks.fail(
        `${field}.measure`,
        "must be MEASURE_IPR, MEASURE_MEAN_ABS_SIN_MISALIGNMENT or an extra measure, MEASURE_IPR_THETA or a later one",
        number,
      );
      return [];
    }
    const never = neverMeasured(measure, spec);
    const got = `got ${enumName(measure)}`;
    if (never !== undefined) checks.fail(`${field}.measure`, `must be ${never}; ${got}`);
    if (seen.has(measure)) checks.fail(`${field}.measure`, `must be there once; ${got}`);
    seen.add(measure);
    return [{ measure, every }];
  });
}

/** Refuses measures against a state at which the session began that is not to be had any more. */
export function checkBase(checks: Checks, schedule: MeasureSchedule, session: Session): void {
  if (session.hasBase) return;
  for (const [i, { measure }] of schedule.entries()) {
    if (!needsBase(measure) || hasMeasure(session, measure)) continue;
    checks.fail(
      `measure_schedule.measures[${i}].measure`,
      `must be given when the session starts: there is no snapshot of the state at which ${session.name} began; got ${enumName(measure)}`,
    );
  }
}

export function measureScheduleMessage(
  schedule: MeasureSchedule,
): MessageInitShape<typeof MeasureScheduleSchema> | undefined {
  if (schedule.length === 0) return undefined;
  return { measures: schedule.map(({ measure, every }) => ({ measure: numbers[measure], every })) };
}
