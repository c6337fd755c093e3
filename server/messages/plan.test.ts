import { create } from "@bufbuild/protobuf";
import { Comparison, Measure, MeasureSchema, RunPlanSchema, ThresholdSchema } from "@grokbox/proto/run";
import { expect, test } from "vitest";
import { Checks } from "./checks.ts";
import { parsePlan, parseThreshold } from "./plan.ts";

/** What is said against a condition; nothing when it is taken. */
function refusal(measure: Measure, value: number): string | undefined {
  const checks = new Checks();
  const message = create(ThresholdSchema, { measure, comparison: Comparison.AT_LEAST, value });
  const parsed = parseThreshold(checks, "when", message);
  try {
    checks.throwIfAny();
  } catch (error) {
    return (error as Error).message;
  }
  expect(parsed.value).toBe(value);
  return undefined;
}

const shares = [
  ...[Measure.TRAIN_ACCURACY, Measure.TEST_ACCURACY, Measure.COMMON_ACCURACY, Measure.RARE_ACCURACY],
  ...[Measure.PARTNER_ACCURACY, Measure.HELD_OUT_ACCURACY, Measure.IPR, Measure.IPR_THETA, Measure.IPR_XI],
  ...[Measure.MEAN_ABS_SIN_MISALIGNMENT, Measure.THETA_COSINE_FIT, Measure.XI_COSINE_FIT],
  Measure.MAX_PROBABILITY_DEVIATION,
];

const allMeasures = MeasureSchema.values
  .map(({ number }) => number as Measure)
  .filter((measure) => measure !== Measure.UNSPECIFIED);

test("what is 0 to 1 by its definition is compared with nothing else: 90 for 90% would never hold", () => {
  for (const measure of shares) {
    for (const value of [0, 0.5, 1]) expect([measure, refusal(measure, value)]).toEqual([measure, undefined]);
    for (const value of [90, 1.01, -0.01, Number.NaN, Number.POSITIVE_INFINITY])
      expect([measure, value, refusal(measure, value)]).toEqual([
        measure,
        value,
        expect.stringMatching(/^when\.value: must be 0 to 1, as MEASURE_[A-Z_]+ is; got -?[\d.NIa-z]+$/),
      ]);
  }
  expect(refusal(Measure.TEST_ACCURACY, 90)).toBe(
    "when.value: must be 0 to 1, as MEASURE_TEST_ACCURACY is; got 90",
  );
  expect(refusal(Measure.HELD_OUT_ACCURACY, 90)).toContain("as MEASURE_HELD_OUT_ACCURACY is");
});

test("losses and norms have no upper bound, drifts and angles their own, and R^2 of the votes no lower one", () => {
  for (const measure of [
    Measure.TRAIN_LOSS,
    Measure.PARAMETER_NORM,
    Measure.GRADIENT_NORM,
    Measure.VOTING_RESIDUAL,
  ]) {
    for (const value of [0, 1e9, Number.MAX_VALUE]) expect(refusal(measure, value)).toBeUndefined();
    for (const value of [-1, Number.POSITIVE_INFINITY])
      expect(refusal(measure, value)).toMatch(/^when\.value: must be finite and at least 0, as MEASURE_/);
  }
  for (const measure of [Measure.MAGNITUDE_DRIFT, Measure.PHASE_DRIFT]) {
    expect(refusal(measure, 2)).toBeUndefined();
    expect(refusal(measure, 2.1)).toContain("must be 0 to 2");
  }
  expect(refusal(Measure.MISALIGNMENT_ERROR, Math.PI)).toBeUndefined();
  expect(refusal(Measure.MISALIGNMENT_ERROR, 180)).toContain("must be 0 to 3.14");
  expect(refusal(Measure.VOTING_R_SQUARED, -3)).toBeUndefined();
  expect(refusal(Measure.VOTING_R_SQUARED, 90)).toContain(
    "must be finite and at most 1, as MEASURE_VOTING_R_SQUARED is",
  );
});

test("no measure is bounded where it can be: 0 and 1 are values of all of them", () => {
  for (const measure of allMeasures)
    for (const value of [0, 1]) expect([measure, refusal(measure, value)]).toEqual([measure, undefined]);
});

test("a value beside its measure is named where it stands in the plan", () => {
  const checks = new Checks();
  const value = { measure: Measure.TEST_ACCURACY, comparison: Comparison.AT_LEAST, value: 90 };
  const condition = { case: "threshold" as const, value };
  parsePlan(checks, create(RunPlanSchema, { stopWhen: [{ condition }] }), 100);
  expect(() => checks.throwIfAny()).toThrow("plan.stop_when[0].threshold.value: must be 0 to 1");
});
