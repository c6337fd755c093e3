import { create } from "@bufbuild/protobuf";
import { Measure, MeasureScheduleSchema } from "@grokbox/proto/run";
import { expect, test } from "vitest";
import { completeSpec } from "../model/presets.ts";
import { GrokboxError } from "../sessions/errors.ts";
import { enumName } from "../sessions/stop-conditions.ts";
import { Checks } from "./checks.ts";
import { measureScheduleMessage, parseMeasure, parseMeasureSchedule } from "./measure.ts";

const spec = completeSpec({ split: { kind: "torch", fraction: 0.8 } }, "quad_random_sgd");

function parsed(...measures: { measure: Measure; every?: number }[]) {
  const checks = new Checks();
  const schedule = parseMeasureSchedule(checks, create(MeasureScheduleSchema, { measures }), spec, 100);
  checks.throwIfAny();
  return schedule;
}

const all = Object.values(Measure).filter((value) => typeof value === "number");
const isSchedulable = (measure: Measure) =>
  measure === Measure.IPR || measure === Measure.MEAN_ABS_SIN_MISALIGNMENT || measure >= Measure.IPR_THETA;

test("extra measures and the two of the spectra that every point carries can be scheduled, and read back the same", () => {
  const schedulable = all.filter(isSchedulable);
  const measures = schedulable.map((measure, i) => ({ measure, every: 1 + i }));
  const schedule = parsed(...measures)!;
  expect(schedule.slice(0, 2)).toEqual([
    { measure: "ipr", every: 1 },
    { measure: "meanAbsSinMisalignment", every: 2 },
  ]);
  expect(measureScheduleMessage(schedule)).toEqual({ measures });
  expect(parsed({ measure: Measure.IPR })).toEqual([{ measure: "ipr", every: 100 }]);
});

test("losses, accuracies and norms can't, and the error says what can", () => {
  const others = all.filter((measure) => !isSchedulable(measure));
  expect(others).toHaveLength(11);
  for (const measure of others) {
    const error = refusal(() => parsed({ measure: Measure.IPR_XI }, { measure, every: 10 }));
    expect(error.violations).toEqual([
      {
        field: "measure_schedule.measures[1].measure",
        description: expect.stringMatching(
          /MEASURE_IPR, MEASURE_MEAN_ABS_SIN_MISALIGNMENT or an extra measure/,
        ),
      },
    ]);
  }
});

test("one that is there twice, or every 0 steps, is refused", () => {
  const twice = refusal(() => parsed({ measure: Measure.IPR, every: 1 }, { measure: Measure.IPR, every: 2 }));
  expect(twice.violations).toEqual([
    { field: "measure_schedule.measures[1].measure", description: "must be there once; got MEASURE_IPR" },
  ]);
  const zero = refusal(() => parsed({ measure: Measure.IPR, every: 0 }));
  expect(zero.violations[0]!.field).toBe("measure_schedule.measures[0].every");
});

test("a refusal names a measure as the request does", () => {
  const known = Object.entries(Measure).filter(([, measure]) => measure !== Measure.UNSPECIFIED);
  expect(known.map(([, measure]) => enumName(parseMeasure(measure)!))).toEqual(
    known.map(([name]) => `MEASURE_${name}`),
  );
});

function refusal(call: () => unknown): GrokboxError {
  try {
    call();
  } catch (error) {
    expect(error).toBeInstanceOf(GrokboxError);
    return error as GrokboxError;
  }
  return expect.unreachable("it was taken");
}
