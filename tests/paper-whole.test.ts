import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { figures } from "../clients/figures/mod.ts";
import type { Result } from "../clients/paper/results.ts";
import type { Summary } from "../clients/paper/whole.ts";
import { hasChromium, openPage } from "./testing/chromium.ts";
import { figureStructure, structureText } from "./testing/figure-structure.ts";
import { runPaper } from "./testing/paper.ts";
import { drawings, soundness } from "./testing/report-page.js";

const folder = mkdtempSync(join(tmpdir(), "grokbox-paper-"));
afterAll(() => rmSync(folder, { recursive: true }));

async function whole(name: string, ...argv: readonly string[]) {
  const out = join(folder, name);
  const { code, out: printed, err } = await runPaper(...argv, "--out", out, "--json");
  expect(printed.trimEnd().split("\n")).toHaveLength(1);
  const summary: Summary = JSON.parse(printed);
  const file = JSON.parse(readFileSync(join(out, "results.json"), "utf8"));
  return {
    code,
    err,
    out,
    summary,
    results: file.results as Result[],
    page: readFileSync(join(out, "report.html"), "utf8"),
  };
}

describe("the whole paper in a hundredth of its steps", () => {
  let made: Awaited<ReturnType<typeof whole>>;
  beforeAll(async () => {
    made = await whole("short", "--steps", "500");
  });

  test("every run is made in proportion, and all numbers that it comes to are within their tolerances", () => {
    const { code, summary, results, out } = made;
    expect(code).toBe(0);
    expect(summary).toMatchObject({ p: 23, seed: 42, steps: 1_050, skipped: [] });
    expect(summary.seconds.total).toBeGreaterThanOrEqual(summary.seconds.training);
    expect(summary.report).toBe(join(out, "report.html"));
    expect(summary.results).toEqual({
      total: results.length,
      passed: results.filter(({ pass }) => pass === true).length,
      failed: 0,
    });
    expect(summary.results.passed).toBeGreaterThan(100);
    const reached = results.filter(({ of, where }) => of === "grokking" && where === "step 201");
    expect(reached.map(({ pass }) => pass)).toEqual(Array(9).fill(true));
    const later = results.filter(({ where }) => where === "step 2201");
    expect(later.every(({ measured, pass }) => measured === null && pass === null)).toBe(true);
  });

  test("without a terminal there is a line for each run that ended", () => {
    expect(made.err).toMatch(/^standard: 100 steps, loss 3\.\d+, after \d+\.\d s$/m);
    expect(made.err.trimEnd().split("\n")).toHaveLength(7);
  });

  test("every figure and both tables are there as a drawing, an image and its data", () => {
    const files = readdirSync(made.out);
    expect(made.summary.figures).toEqual(figures.map(({ id }) => id));
    for (const id of made.summary.figures) {
      expect(files).toEqual(
        expect.arrayContaining([`figure-${id}.svg`, `figure-${id}.png`, `figure-${id}.json`]),
      );
    }
  });

  describe.skipIf(!hasChromium)("the report in Chromium", () => {
    test.each([
      { width: 1_280, colorScheme: "light" },
      { width: 390, colorScheme: "dark" },
    ] as const)(
      "asks for nothing and complains of nothing, $width pixels wide, $colorScheme",
      async (look) => {
        const { result, messages, requests } = await openPage(made.summary.report, soundness, look);
        expect({ messages, requests }).toEqual({ messages: [], requests: [] });
        expect(result).toMatchObject({
          width: look.width,
          idsGivenTwice: [],
          brokenLinks: [],
          plotsWithoutLabel: 0,
          resultRows: made.results.length,
        });
        const [red] = /\d+/.exec(result.background)!;
        expect(Number(red) < 128).toBe(look.colorScheme === "dark");
      },
    );

    test("its figures are the ones that were stored: marks, extents of axes, titles", async () => {
      const { result } = await openPage(made.summary.report, drawings);
      const shown = result.map(({ id }) => id.replace("figure-", "")).sort();
      // Figure 1 is the page's own, and tables are tables.
      expect(shown).toEqual(["1", ...made.summary.figures.filter((id) => /\d/.test(id))].sort());
      for (const { id, svg, width, height, viewBox } of result) {
        const [, , drawnWidth, drawnHeight] = viewBox.split(" ").map(Number);
        expect(width / height, id).toBeCloseTo(drawnWidth! / drawnHeight!, 2);
        expect(width, id).toBeGreaterThan(400);
        if (id === "figure-1") continue;
        await expect(structureText(figureStructure(svg))).toMatchFileSnapshot(`paper/${id}.txt`);
      }
    });
  });
});

test("p = 15 goes without grokking, and says why everywhere", async () => {
  mkdirSync(join(folder, "small"));
  writeFileSync(join(folder, "small/figure-14.svg"), "of another p");
  const { code, err, summary, results, page } = await whole("small", "--p", "15", "--steps", "100");
  expect(code).toBe(0);
  expect(err).toContain("grokking is skipped: grokking needs p >= 19");
  expect(summary.skipped).toEqual([{ run: "grokking", reason: "grokking needs p >= 19" }]);
  expect(summary.figures).toEqual(figures.filter(({ preset }) => preset !== "grokking").map(({ id }) => id));
  expect(readdirSync(join(folder, "small")).filter((name) => name.startsWith("figure-14"))).toEqual([]);
  expect(page).toContain("The grokking run was skipped: grokking needs p &#62;= 19.");
  const trained = results.filter(({ of, where }) => of === "standard" && where !== "spec");
  expect(trained.map(({ expected, pass }) => [expected, pass])).toEqual(
    Array(trained.length).fill([null, null]),
  );
  expect(trained.find(({ where }) => where === "step 0")?.measured).toBeTypeOf("number");
  // What needs no training is held to as ever.
  expect(summary.results.passed).toBeGreaterThan(20);
});

// The test of the README makes it for p = 3 too.
test.each(process.env.LONG_TESTS ? ["3", "5", "31"] : [])("p = %s works the same", async (p) => {
  const { code, summary, results } = await whole(`p${p}`, "--p", p, "--steps", "20");
  expect({ code, p: summary.p, failed: summary.results.failed }).toEqual({
    code: 0,
    p: Number(p),
    failed: 0,
  });
  if (p === "31") {
    const width = results.find(({ of, measure }) => of === "standard" && measure === "width");
    expect(width).toMatchObject({ measured: 931, expected: null });
  }
});
