import { expect, test } from "vitest";
import { stageAt, stageSpans } from "./stage-at.ts";

const published = { memorizationEnd: 2_104, generalizationEnd: 9_352 };

test("every step is in the stage whose span it is in", () => {
  const spans = stageSpans(published, 50_000);
  expect(spans.map(({ stage }) => stage)).toEqual(["memorization", "generalization", "cleanup"]);
  for (const step of [0, 2_103, 2_104, 9_351, 9_352, 49_999]) {
    const span = spans.find(({ first, end }) => first <= step && step < end);
    expect(stageAt(published, step)).toBe(span?.stage);
  }
});

test("a stage whose end is not known yet goes on", () => {
  expect(stageSpans({}, 700)).toEqual([{ stage: "memorization", first: 0, end: 700 }]);
  expect(stageSpans({ memorizationEnd: 2_104 }, 3_000)).toEqual([
    { stage: "memorization", first: 0, end: 2_104 },
    { stage: "generalization", first: 2_104, end: 3_000 },
  ]);
  expect(stageAt({ memorizationEnd: 2_104 }, 40_000)).toBe("generalization");
});

test("without a test set there are no stages", () => {
  expect(stageSpans(undefined, 100)).toEqual([]);
  expect(stageAt(undefined, 100)).toBeUndefined();
});
