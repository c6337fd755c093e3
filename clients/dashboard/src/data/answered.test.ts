import type { SessionInfo } from "@grokbox/sdk";
import { expect, test } from "vitest";
import { Answered } from "./answered.ts";

const at = (state: SessionInfo["state"], step: number) => ({ state, step }) as SessionInfo;

test("a session that was just paused does not seem to run again because of older news", () => {
  const answered = new Answered(at("paused", 500), 0);
  expect(answered.withholds(at("running", 480), 100)).toBe(true);
  expect(answered.withholds(at("running", 500), 200)).toBe(true);
});

test("news that can't be older is taken at once, and makes what was withheld out of date", () => {
  const answered = new Answered(at("paused", 500), 0);
  expect(answered.withholds(at("running", 490), 100)).toBe(true);
  expect(answered.withholds(at("running", 510), 200)).toBe(false);
  expect(answered.withheld).toBeUndefined();
  expect(answered.withholds(at("paused", 500), 300)).toBe(false);
});

test("what was withheld and nothing followed is what holds, after a while", () => {
  const answered = new Answered(at("running", 500), 0);
  const paused = at("paused", 500);
  expect(answered.withholds(paused, 100)).toBe(true);
  expect(answered.withheld).toBe(paused);
  expect(answered.remainsMs(100)).toBeGreaterThan(0);
  expect(answered.withholds(paused, 100 + answered.remainsMs(100))).toBe(false);
});
