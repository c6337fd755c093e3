import fc from "fast-check";
import { expect, test } from "vitest";
import { nextStretch, type RunPlan } from "./plan.ts";

const steps = fc
  .uniqueArray(fc.integer({ min: 1, max: 300 }), { maxLength: 8 })
  .map((list) => list.sort((a, b) => a - b));
const condition = { kind: "threshold", measure: "ipr", comparison: ">=", value: 1, forRecorded: 1 } as const;

const plan: fc.Arbitrary<RunPlan> = fc.record({
  untilStep: fc.integer({ min: 1, max: 300 }),
  recordEvery: fc.integer({ min: 1, max: 90 }),
  recordAt: steps,
  snapshotAt: steps,
  stopWhen: fc.constantFrom([], [condition]),
});

const noDemands = { nextSnapshot: () => Number.POSITIVE_INFINITY, looksAtRecords: false };

test("stretches cover a plan without a hole, record each wanted step once, and end where something must be done", () => {
  fc.assert(
    fc.property(plan, fc.integer({ min: 1, max: 400 }), (wanted, most) => {
      const recorded: number[] = [];
      const ends: number[] = [];
      for (let step = 0; step < wanted.untilStep!; step = ends.at(-1)!) {
        const { until, recordAt } = nextStretch(wanted, step, most, noDemands);
        expect(until).toBeGreaterThan(step);
        expect(until).toBeLessThanOrEqual(step + most);
        if (wanted.stopWhen.length > 0) for (const at of recordAt) expect(at).toBe(until);
        recorded.push(...recordAt);
        ends.push(until);
      }
      const inside = (step: number) => step <= wanted.untilStep!;
      const expected = new Set([...wanted.recordAt, ...wanted.snapshotAt, wanted.untilStep!].filter(inside));
      for (let step = wanted.recordEvery; inside(step); step += wanted.recordEvery) expected.add(step);
      expect(recorded).toEqual([...expected].sort((a, b) => a - b));
      for (const step of wanted.snapshotAt.filter(inside)) expect(ends).toContain(step);
      expect(ends.at(-1)).toBe(wanted.untilStep);
    }),
  );
});
