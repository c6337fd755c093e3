import { describe, expect, test } from "vitest";
import { runPaper as run } from "./testing/paper.ts";

const everyRow = {
  step: expect.any(Number),
  trainLoss: expect.any(Number),
  trainAccuracy: expect.any(Number),
  common: expect.any(Number),
  ipr: expect.any(Number),
  meanAbsSinMisalignment: expect.any(Number),
  parameterNorm: expect.any(Number),
  gradientNorm: expect.any(Number),
};

test("--json prints exactly one object, with null for what the run can't have", async () => {
  const { code, out } = await run("--run", "standard", "--steps", "250", "--json");
  expect(code).toBe(0);
  expect(out.trimEnd().split("\n")).toHaveLength(1);
  const result = JSON.parse(out);
  expect(result).toMatchObject({ run: "standard", engine: "cpu", steps: 250, seed: 42 });
  expect(result.stepsPerSecond).toBeCloseTo(250 / result.seconds, 6);
  expect(result.curve.map(({ step }: { step: number }) => step)).toEqual([0, 1, 100, 200, 201, 250]);
  const absent = { testLoss: null, testAccuracy: null, rare: null, partner: null, heldOut: null };
  for (const row of result.curve) expect(row).toEqual({ ...everyRow, ...absent });
  expect(Object.keys(result.activations)).toEqual([
    "relu",
    "abs",
    "x^2",
    "x^4",
    "softplus2",
    "exp",
    "identity",
    "x^3",
  ]);
});

test("the stage table's row s is compared with the session's step s + 1", async () => {
  const { code, out } = await run("--run", "grokking", "--steps", "2201");
  expect(out).toMatch(/step 2201\s+heldOut\s+0\s+0\.000\s+as printed\s+yes/);
  expect(out).toMatch(/step 2200\s+testLoss\s+2\.5[23]\d+\s+2\.5303\s+0\.3%\s+yes/);
  expect(out).not.toContain("NO");
  expect(code).toBe(0);
});

test("a single-frequency run follows its published curve to 1e-5, on either build of the engine", async () => {
  for (const engine of ["cpu", "cpu:wasm"]) {
    const { code, out } = await run("--run", "quad_single_freq", "--steps", "2000", "--engine", engine);
    expect(out).toContain("All 3 compared values are within their tolerances.");
    expect(code).toBe(0);
  }
});

test("another seed is run but not compared", async () => {
  const { code, out } = await run("--run", "standard", "--steps", "100", "--seed", "7");
  expect(code).toBe(0);
  expect(out).toContain("the published runs have seed 42");
  expect(out).not.toMatch(/yes|NO/);
});

test("--help prints the usage", async () => {
  const { code, out, err } = await run("--help");
  expect({ code, err }).toEqual({ code: 0, err: "" });
  expect(out).toMatch(/^usage: npm run paper/);
});

describe("a wrong command line is told with the usage, and exits with 2", () => {
  test.each([
    [["--p", "22"], "--p 22: it must be odd"],
    [["--p", "201"], "--p 201: it must be an integer, 3 to 199"],
    [["--p", "1"], "--p 1: it must be an integer, 3 to 199"],
    [["--p", "2x"], "--p 2x"],
    [["--run", "standard", "--p", "23"], "--p goes without --run"],
    [["--run", "standard", "--out", "paper"], "--out goes without --run"],
    [["--run", "nope"], "no such run"],
    [["--run", "standard", "--steps", "0"], "--steps 0"],
    [["--run", "standard", "--steps", "1.5"], "--steps 1.5"],
    [["--run", "standard", "--seed", "4294967296"], "--seed 4294967296"],
    [["--run", "standard", "--engine", "cpu:gpu"], "--engine cpu:gpu"],
    [["--bogus"], "--bogus"],
  ])("%j", async (argv, message) => {
    const { code, out, err } = await run(...argv);
    expect({ code, out }).toEqual({ code: 2, out: "" });
    expect(err).toContain(message);
    expect(err).toContain("standard, grokking, quad_random");
  });
});
