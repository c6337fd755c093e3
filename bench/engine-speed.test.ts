import { expect, it } from "vitest";
import { measureCohort } from "./cohort.ts";
import { cpuVariants, measureEngine, operationsPerStep } from "./engine-speed.ts";

it("counts three matrix products over the unordered pairs as a step's operations", () => {
  expect(operationsPerStep({ p: 23, width: 512 })).toBe(6 * 512 * 23 * 276);
});

it("measures every build in one row each", async () => {
  for (const options of cpuVariants()) {
    const effort = { rounds: 1, milliseconds: 4 };
    const row = await measureEngine({ ...options, threads: 1 }, { p: 5, width: 16 }, effort);
    expect(row).toMatchObject({ engine: `cpu ${options.variant}`, p: 5, width: 16, threads: 1, cohort: 1 });
    expect(row.stepsPerSecond).toBeGreaterThan(0);
    expect(row.gflops).toBeCloseTo((row.stepsPerSecond * 6 * 16 * 5 * 15) / 1e9);
  }
});

it("counts the steps of all of a cohort", async () => {
  const row = await measureEngine({ threads: 1 }, { p: 5, width: 16 }, { rounds: 1, milliseconds: 4 }, 3);
  expect(row.cohort).toBe(3);
  expect(row.gflops).toBeCloseTo((row.stepsPerSecond * 6 * 16 * 5 * 15) / 1e9);
});

it("holds a cohort against one trainer", async () => {
  const effort = { rounds: 2, milliseconds: 4 };
  const speed = await measureCohort({ threads: 2 }, { p: 5, width: 16 }, 3, effort);
  expect(speed).toMatchObject({ p: 5, width: 16, threads: 2, cohort: 3 });
  expect(speed.ratio.least).toBeGreaterThan(0);
  expect(speed.ratio.most).toBeGreaterThanOrEqual(speed.ratio.median);
});
