import fc from "fast-check";
import { expect, test } from "vitest";
import { snapshotSteps } from "./snapshot-steps.ts";

test("they increase, end with the run, and are no more than the server keeps", () => {
  const total = fc.integer({ min: 1, max: 10_000_000 });
  fc.assert(
    fc.property(total, fc.integer({ min: 1, max: 1_000 }), (steps, most) => {
      const kept = snapshotSteps(steps, most);
      expect(kept.length).toBeLessThanOrEqual(most);
      expect(kept.at(-1)).toBe(steps);
      expect(kept.every((step, i) => step > (kept[i - 1] ?? 0))).toBe(true);
    }),
  );
});

test("a grokking run keeps every hundredth step of its memorization, and what its figures show", () => {
  const kept = snapshotSteps(50_000, 1_000);
  expect(kept.length).toBeLessThan(200);
  for (let step = 500; step <= 3_000; step += 100) expect(kept).toContain(step);
  for (const [i, step] of kept.entries())
    if (i > 0) expect(step - kept[i - 1]!).toBeLessThanOrEqual(Math.max(100, step / 28));
});
