import {
  extraMeasures as extraOfSdk,
  measures as ofSdk,
  schedulableMeasures as schedulableOfSdk,
} from "@grokbox/sdk";
import { expect, test } from "vitest";
import { measuresText, scheduledMeasure } from "./measure-options.ts";
import { extraMeasures, measures, schedulableMeasureNames, schedulableMeasures } from "./measures.ts";
import { stopCondition } from "./stop-condition.ts";

test("the measures are those of the SDK", () => {
  expect(measures).toEqual(ofSdk);
  expect(extraMeasures).toEqual(extraOfSdk);
  expect(schedulableMeasures).toEqual(schedulableOfSdk);
});

test("a measure is written with or without its steps, by either of its names, and may be repeated", () => {
  for (const name of schedulableMeasureNames) expect(scheduledMeasure(name)).toHaveLength(1);
  expect(scheduledMeasure("voting_r_squared")).toEqual(["votingRSquared"]);
  expect(scheduledMeasure("magnitudeDrift:1_000", ["iprXi"])).toEqual([
    "iprXi",
    { measure: "magnitudeDrift", every: 1_000 },
  ]);
  expect(scheduledMeasure("mean_abs_sin_misalignment:10", scheduledMeasure("ipr:10"))).toEqual([
    { measure: "ipr", every: 10 },
    { measure: "meanAbsSinMisalignment", every: 10 },
  ]);
  expect(stopCondition("voting_r_squared >= 0.9")).toEqual([{ measure: "votingRSquared", atLeast: 0.9 }]);
});

test.each([
  ["parameter_norm", /NAME one of ipr, mean_abs_sin_misalignment, ipr_theta/],
  ["train_loss:10", /NAME one of/],
  ["ipr_xi:often", /whole number/],
  ["ipr_xi:1:2", /NAME or NAME:EVERY/],
  ["", /NAME or NAME:EVERY/],
])("%s is refused with what it must be", (text, message) => {
  expect(() => scheduledMeasure(text)).toThrow(message);
});

test("a session's measures read by how often they are taken", () => {
  expect(measuresText([])).toBe("");
  expect(
    measuresText([
      { measure: "iprXi", every: 100 },
      { measure: "magnitudeDrift", every: 500 },
      { measure: "phaseDrift", every: 500 },
      { measure: "votingRSquared", every: 500 },
    ]),
  ).toBe("ipr_xi every 100 steps; magnitude_drift, phase_drift and voting_r_squared every 500 steps");
});
