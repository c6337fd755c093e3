import { expect, test } from "vitest";
import { figures } from "./catalogue.ts";
import { scaledSteps } from "./steps.ts";

test("a run that comes as far as the published one shows the published steps", () => {
  expect(scaledSteps([0, 2_200, 10_000], 50_000)).toEqual([0, 2_200, 10_000]);
  expect(scaledSteps([0, 2_200, 10_000], 10_000)).toEqual([0, 2_200, 10_000]);
});

test("a shorter run shows the same shares of it, no step twice", () => {
  expect(scaledSteps([0, 2_200, 10_000], 1_000)).toEqual([0, 220, 1_000]);
  expect(scaledSteps([0, 1_000, 5_000], 2)).toEqual([0, 2]);
  expect(scaledSteps([0, 1_000, 5_000], 0)).toEqual([0]);
});

test("the snapshots of every figure have the steps that it shows, in order and within the run", () => {
  for (const end of [1, 250, 10_000, 50_000]) {
    for (const figure of figures) {
      const kept = figure.snapshots(end);
      expect(kept).toEqual([...new Set(kept)].sort((a, b) => a - b));
      expect(kept).toEqual(expect.arrayContaining(scaledSteps(figure.steps, end)));
      expect(kept.every((step) => Number.isSafeInteger(step) && step >= 0 && step <= end)).toBe(true);
      expect(kept.length).toBeLessThanOrEqual(102);
    }
  }
});
