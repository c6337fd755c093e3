import fc from "fast-check";
import { expect, test } from "vitest";
import { type StageSeries, StageTracker, stagesOf } from "./stages.ts";

/** A run of 400 recorded steps: train accuracy 1 from step 100 on, norm rising to step 200 and falling 0.01% a step. */
function grokkingRun(): { step: number[]; trainAccuracy: number[]; parameterNorm: number[] } {
  const step = Array.from({ length: 401 }, (_, i) => i);
  return {
    step,
    trainAccuracy: step.map((i) => (i < 100 ? 0.9 : 1)),
    parameterNorm: step.map((i) => (i <= 200 ? 10 + i / 100 : 12 * (1 - (i - 200) * 1e-4))),
  };
}

test("a finished run: memorization to the first lasting accuracy of 1, generalization to the norm's maximum", () => {
  expect(stagesOf(grokkingRun())).toEqual({ memorizationEnd: 100, generalizationEnd: 200 });
});

test("boundaries are the recorded steps, however far apart", () => {
  expect(
    stagesOf({ step: [0, 10, 40, 90], trainAccuracy: [0, 1, 1, 1], parameterNorm: [9, 1, 3, 2] }),
  ).toEqual({ memorizationEnd: 10, generalizationEnd: 40 });
});

test("a run that never learns its training set, or forgets it at the end, is memorizing still", () => {
  expect(stagesOf({ step: [0, 1], trainAccuracy: [0, 0.5], parameterNorm: [1, 2] })).toEqual({});
  expect(stagesOf({ step: [0, 1], trainAccuracy: [1, 0.99], parameterNorm: [2, 1] })).toEqual({});
  expect(stagesOf({ step: [], trainAccuracy: [], parameterNorm: [] })).toEqual({});
});

test("a norm still rising at the end leaves generalization open", () => {
  expect(stagesOf({ step: [0, 1, 2], trainAccuracy: [0, 1, 1], parameterNorm: [5, 1, 2] })).toEqual({
    memorizationEnd: 1,
  });
});

test("live, each boundary shows once it has lasted, dated back", () => {
  const { step, trainAccuracy, parameterNorm } = grokkingRun();
  const tracker = new StageTracker(true);
  const stages = step.map((i) => {
    tracker.observe(i, trainAccuracy[i], parameterNorm[i]);
    return `${tracker.stage()} ${tracker.memorizationEnd} ${tracker.generalizationEnd}`;
  });
  expect(stages[149]).toBe("memorization undefined undefined");
  expect(stages[150]).toBe("generalization 100 undefined");
  expect(stages[249]).toBe("generalization 100 undefined");
  expect(stages[251]).toBe("cleanup 100 200");
  expect(stages[400]).toBe("cleanup 100 200");
});

test("live, a boundary that doesn't last is withdrawn", () => {
  const tracker = new StageTracker(true);
  tracker.observe(0, 1, 10);
  tracker.observe(60, 1, 9);
  expect([tracker.stage(), tracker.memorizationEnd, tracker.generalizationEnd]).toEqual(["cleanup", 0, 0]);
  tracker.observe(61, 1, 11);
  expect([tracker.stage(), tracker.generalizationEnd]).toEqual(["generalization", undefined]);
  tracker.observe(62, 0.999, 12);
  expect([tracker.stage(), tracker.memorizationEnd]).toEqual(["memorization", undefined]);
  tracker.observe(70, 1, 5);
  tracker.observe(120, 1, 4);
  expect([tracker.stage(), tracker.memorizationEnd, tracker.generalizationEnd]).toEqual(["cleanup", 70, 70]);
});

test("without a test set there are no stages", () => {
  const tracker = new StageTracker(false);
  tracker.observe(0, 1, 10);
  tracker.observe(100, 1, 5);
  expect([tracker.stage(), tracker.memorizationEnd, tracker.generalizationEnd]).toEqual([
    undefined,
    undefined,
    undefined,
  ]);
});

const series: fc.Arbitrary<StageSeries> = fc
  .array(
    fc.record({
      gap: fc.integer({ min: 1, max: 30 }),
      trainAccuracy: fc.constantFrom(1, 1, 1, 1, 1, 0.99),
      parameterNorm: fc.double({ min: 10, max: 10.2, noNaN: true }),
    }),
    { maxLength: 60 },
  )
  .map((states) => {
    let last = 0;
    return {
      step: states.map(({ gap }) => {
        last += gap;
        return last;
      }),
      trainAccuracy: states.map(({ trainAccuracy }) => trainAccuracy),
      parameterNorm: states.map(({ parameterNorm }) => parameterNorm),
    };
  });

test("every boundary that a tracker shows at the end of a run is the finished run's", () => {
  fc.assert(
    fc.property(series, (run) => {
      const tracker = new StageTracker(true);
      for (let i = 0; i < run.step.length; i++) {
        tracker.observe(run.step[i], run.trainAccuracy[i], run.parameterNorm[i]);
      }
      const { memorizationEnd, generalizationEnd } = stagesOf(run);
      if (tracker.memorizationEnd !== undefined) expect(tracker.memorizationEnd).toBe(memorizationEnd);
      if (tracker.generalizationEnd !== undefined) expect(tracker.generalizationEnd).toBe(generalizationEnd);
    }),
    { numRuns: 500 },
  );
});

test("a tracker made from another's memory goes on as that one would", () => {
  fc.assert(
    fc.property(series, fc.nat({ max: 59 }), (run, cut) => {
      const straight = new StageTracker(true);
      let resumed = new StageTracker(true);
      for (let i = 0; i < run.step.length; i++) {
        if (i === cut) resumed = new StageTracker(true, structuredClone(resumed.memory()));
        for (const tracker of [straight, resumed]) {
          tracker.observe(run.step[i], run.trainAccuracy[i], run.parameterNorm[i]);
        }
        expect(resumed.stage()).toBe(straight.stage());
        expect(resumed.memory()).toEqual(straight.memory());
      }
    }),
  );
});
