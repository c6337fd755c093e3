import { expect, it } from "vitest";
import { cpuVariants, measureEngine, operationsPerStep } from "./engine-speed.ts";

it("counts three matrix products over the unordered pairs as a step's operations", () => {
  expect(operationsPerStep({ p: 23, width: 512 })).toBe(6 * 512 * 23 * 276);
});

it("measures every build in one row each", async () => {
  for (const options of cpuVariants()) {
    const effort = { rounds: 1, milliseconds: 4 };
    const row = await measureEngine({ ...options, threads: 1 }, { p: 5, width: 16 }, effort);
    expect(row).toMatchObject({ engine: `cpu ${options.variant}`, p: 5, width: 16, threads: 1 });
    expect(row.stepsPerSecond).toBeGreaterThan(0);
    expect(row.gflops).toBeCloseTo((row.stepsPerSecond * 6 * 16 * 5 * 15) / 1e9);
  }
});
