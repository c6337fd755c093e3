import type { SweepInfo, SweepRun } from "@grokbox/sdk";
import fc from "fast-check";
import { expect, test } from "vitest";
import type { Output } from "./output.ts";
import { quantile, SweepGroups } from "./sweep-groups.ts";
import { groupLines } from "./sweep-groups-table.ts";

const output = { width: 200, style: (_: string, text: string) => text } as unknown as Output;

test("the times of stages are shown with their spread over seeds, one alone without, none as a dash", () => {
  const groups = new SweepGroups({ runs: 4, groups: 1 } as SweepInfo);
  const run = { group: 0, coordinates: {}, outcome: "target" } as SweepRun;
  for (const memorizationEnd of [2_100, 2_000, 2_200]) groups.add({ ...run, memorizationEnd });
  groups.add({ ...run, memorizationEnd: 2_300, generalizationEnd: 9_000 });
  const [titles, ...lines] = groupLines(groups, output, 10);
  expect(titles).toMatch(/AT STEP +MEMORIZED AT +GENERALIZED AT/);
  expect(lines).toHaveLength(1);
  expect(lines[0]).toMatch(/ 0\/4 +- +2,150 \(2,075–2,225\) +9,000 /);
});

test("a quantile is one of the values or between two of them, and grows with its share", () => {
  const share = fc.double({ min: 0, max: 1, noNaN: true });
  const values = fc.array(fc.integer({ min: 0, max: 1_000_000 }), { minLength: 1, maxLength: 50 });
  fc.assert(
    fc.property(values, share, share, (given, a, b) => {
      const [low, high] = [quantile(given, Math.min(a, b))!, quantile(given, Math.max(a, b))!];
      expect(low).toBeLessThanOrEqual(high);
      expect(quantile(given, 0)).toBe(Math.min(...given));
      expect(quantile(given, 1)).toBe(Math.max(...given));
      expect(given.filter((value) => value <= high).length).toBeGreaterThanOrEqual(
        Math.floor(Math.max(a, b) * (given.length - 1)) + 1,
      );
    }),
  );
  expect(quantile([], 0.5)).toBeUndefined();
});
