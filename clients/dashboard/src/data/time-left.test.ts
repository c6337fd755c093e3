import { expect, test } from "vitest";
import { timeLeft } from "./time-left.ts";

test("the time left is told where it is one that somebody may wait for", () => {
  expect(timeLeft(80)).toBe("1 min 20 s");
  expect(timeLeft(1_000 * 86_400)).toBe("1000 d 0 h");
  expect(timeLeft(1_000 * 86_400 + 1)).toBeUndefined();
  expect(timeLeft(Number.MAX_SAFE_INTEGER / 2_800)).toBeUndefined();
  // A run that makes no steps.
  expect(timeLeft(Number.POSITIVE_INFINITY)).toBeUndefined();
  expect(timeLeft(Number.NaN)).toBeUndefined();
  expect(timeLeft(undefined)).toBeUndefined();
});
