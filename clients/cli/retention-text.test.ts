import type { Trigger } from "@grokbox/sdk";
import { expect, test } from "vitest";
import { changesText } from "./changes-text.ts";
import { scheduleOf, scheduleText } from "./schedule-options.ts";
import { actionText, conditionText, firedText } from "./trigger-text.ts";

test("changes read as what is different", () => {
  expect(changesText({ optimizer: { kind: "adamw", weightDecay: 0 } })).toBe("adamw decay 0");
  expect(
    changesText({
      activation: "abs",
      optimizer: { kind: "adamw", learningRate: 5e-5, beta1: 0.8 },
      warmupSteps: 0,
      split: { kind: "python", fraction: 0.75 },
      removeFrequencies: [2, 5],
    }),
  ).toBe(
    "activation abs, adamw lr 5e-5 beta1 0.8, warm-up 0 steps, python split of 75%, without frequencies 2, 5",
  );
  expect(changesText({})).toBe("");
});

test("a schedule is what the flags say, and reads so", () => {
  expect(scheduleOf({})).toBeUndefined();
  const schedule = scheduleOf({ snapshotEvery: 500, keepPowersOfTwo: true, retain: 20 });
  expect(schedule).toMatchObject({ everySteps: 500, powersOfTwo: true, retain: 20 });
  expect(scheduleText(schedule)).toBe("every 500 steps and at powers of two, the newest 20 of them");
  expect(scheduleText({ atSteps: [1, 2, 3, 4, 5, 6], atStageChanges: true })).toBe(
    "at 1, 2, 3, 4, 5, ...; where stages end",
  );
  expect(scheduleText(undefined)).toBe("");
});

test("a trigger reads as when it does what, and what has come of it", () => {
  const trigger: Trigger = {
    name: "branch",
    when: { measure: "testAccuracy", atLeast: 0.99, forRecorded: 10 },
    action: {
      kind: "fork",
      changes: { optimizer: { kind: "adamw", weightDecay: 0 } },
      runUntilStep: 12_200,
    },
    repeat: true,
    fired: 0,
    lastError: "",
  };
  expect(conditionText(trigger)).toBe("test_accuracy >= 0.99 for 10, each time");
  expect(actionText(trigger)).toBe("fork with adamw decay 0, run to step 12,200");
  expect(actionText({ action: { kind: "snapshot", label: "here" } })).toBe('snapshot "here"');
  expect(firedText(trigger)).toBe("not yet");
  const fired = { ...trigger, fired: 3, lastFiredStep: 2_200, lastError: "the disk is full" };
  expect(firedText(fired)).toBe("3 times, last at step 2,200: the disk is full");
});
