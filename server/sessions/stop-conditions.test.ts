import fc from "fast-check";
import { expect, test } from "vitest";
import type { ProgressPoint } from "./progress-log.ts";
import { StopWatch } from "./stop-conditions.ts";

const point = (step: number, values: Partial<ProgressPoint>): ProgressPoint => ({
  sequence: step + 1,
  step,
  parameterNorm: 1,
  gradientNorm: 1,
  ...values,
});

test("a threshold holds on the n-th recorded step in a row that meets it, and not before", () => {
  fc.assert(
    fc.property(
      fc.array(fc.boolean(), { maxLength: 60 }),
      fc.integer({ min: 1, max: 5 }),
      (meets, forRecorded) => {
        const watch = new StopWatch([
          { kind: "threshold", measure: "testAccuracy", comparison: ">=", value: 0.9, forRecorded },
        ]);
        meets.forEach((yes, i) => {
          const holds = watch.observe(point(i, { testAccuracy: yes ? 0.9 : 0.89 })) !== undefined;
          const row = i + 1 >= forRecorded && meets.slice(i + 1 - forRecorded, i + 1).every(Boolean);
          expect(holds).toBe(row);
        });
      },
    ),
  );
});

test("an absent measure never meets a threshold", () => {
  const watch = new StopWatch([
    { kind: "threshold", measure: "testLoss", comparison: "<=", value: 1e9, forRecorded: 1 },
  ]);
  expect(watch.observe(point(0, {}))).toBeUndefined();
});

test("a plateau holds when everything moved less than its deltas over the whole window", () => {
  fc.assert(
    fc.property(
      fc.array(fc.tuple(fc.integer({ min: 0, max: 4 }), fc.integer({ min: 0, max: 4 })), { maxLength: 40 }),
      fc.integer({ min: 1, max: 8 }),
      (values, windowRecords) => {
        const windowSteps = windowRecords * 10;
        const watch = new StopWatch([{ kind: "plateau", windowSteps, lossDelta: 2.5, accuracyDelta: 0.25 }]);
        values.forEach(([loss, accuracy], i) => {
          const holds =
            watch.observe(point(i * 10, { trainLoss: loss, trainAccuracy: accuracy / 10 })) !== undefined;
          const window = values.slice(Math.max(0, i - windowRecords), i + 1);
          const spread = (k: 0 | 1) =>
            Math.max(...window.map((v) => v[k])) - Math.min(...window.map((v) => v[k]));
          expect(holds).toBe(i >= windowRecords && spread(0) < 2.5 && spread(1) / 10 < 0.25);
        });
      },
    ),
  );
});
