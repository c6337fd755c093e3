import fc from "fast-check";
import { expect, test } from "vitest";
import { isPlanned } from "../plan.ts";
import { gridOf, recordCount, recordedSteps, type SweepDefinition } from "./definition.ts";
import { Ledger } from "./ledger.ts";
import { pointOf, type StoredPoint } from "./summary.ts";

const plans = fc
  .record({
    untilStep: fc.integer({ min: 1, max: 5_000 }),
    recordEvery: fc.integer({ min: 1, max: 700 }),
    recordAt: fc.uniqueArray(fc.integer({ min: 1, max: 5_000 }), { maxLength: 20 }),
  })
  .map(({ untilStep, recordEvery, recordAt }): SweepDefinition["plan"] => ({
    ...{ untilStep, recordEvery, stopWhen: [], snapshotAt: [] },
    recordAt: recordAt.filter((step) => step <= untilStep).sort((a, b) => a - b),
  }));
const demands = { nextSnapshot: () => Number.POSITIVE_INFINITY, looksAtRecords: false };

test("the steps that a plan records are those that a run is planned to", () => {
  fc.assert(
    fc.property(plans, (plan) => {
      const steps = recordedSteps(plan);
      const plain = Array.from({ length: plan.untilStep }, (_, i) => i + 1).filter((step) =>
        isPlanned(plan, step, demands),
      );
      expect(steps).toEqual([0, ...plain]);
      expect(steps.length).toBeLessThanOrEqual(recordCount(plan));
    }),
    { numRuns: 50 },
  );
});

test("the grid has at most 129 of them, from the first to the last, as evenly as they come", () => {
  fc.assert(
    fc.property(plans, (plan) => {
      const steps = recordedSteps(plan);
      const grid = gridOf(plan);
      expect(grid.length).toBeLessThanOrEqual(129);
      expect(grid.length).toBeGreaterThan(Math.min(steps.length, 64) - 1);
      expect([grid[0], grid.at(-1)]).toEqual([0, plan.untilStep]);
      const at = grid.map((step) => steps.indexOf(step));
      const gaps = new Set(at.slice(1, -1).map((position, i) => position - at[i]!));
      expect(gaps.size).toBeLessThanOrEqual(1);
    }),
  );
});

test("a ledger gives out every run once, those before the others first, and counts what finished", () => {
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 40 }), fc.array(fc.nat(39)), (runs, finished) => {
      const ledger = new Ledger(runs);
      const done = new Set<number>();
      for (const run of finished.filter((number) => number < runs)) {
        if (done.has(run)) continue;
        done.add(run);
        ledger.finish(run, "target", 10);
        const open = Array.from({ length: runs }, (_, i) => i).find((number) => !done.has(number));
        expect(ledger.open(() => false)).toBe(open);
        const next = Array.from({ length: runs }, (_, i) => i).find(
          (number) => !done.has(number) && number !== open,
        );
        expect(ledger.open((number) => number === open)).toBe(next);
      }
      expect([ledger.done, ledger.steps, ledger.isComplete]).toEqual([
        done.size,
        10 * done.size,
        done.size === runs,
      ]);
    }),
  );
});

test("a point keeps numbers that are not finite", () => {
  const stored: StoredPoint = { step: 5, stage: "cleanup", gradientNorm: "Infinity", parameterNorm: 2 };
  expect(pointOf(JSON.parse(JSON.stringify(stored)))).toEqual({
    sequence: 0,
    step: 5,
    stage: "cleanup",
    gradientNorm: Number.POSITIVE_INFINITY,
    parameterNorm: 2,
  });
});
