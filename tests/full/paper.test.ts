import { execFile } from "node:child_process";
import { existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { figures } from "../../clients/figures/mod.ts";
import type { Result } from "../../clients/paper/results.ts";
import type { Summary } from "../../clients/paper/whole.ts";
import { loadAddon } from "../../server/engine/cpu/addon.ts";
import { hasChromium, openPage } from "../testing/chromium.ts";
import { figureStructure, structureText } from "../testing/figure-structure.ts";
import { drawings } from "../testing/report-page.js";

const root = join(import.meta.dirname, "../..");
const reference = join(root, "../shared/reference");
const runFile = promisify(execFile);
const builds = ["addon", "wasm"] as const;
const unavailable = { addon: !("addon" in loadAddon()), wasm: false };

/** Fails when a value is outside of its tolerance. */
async function command(...args: readonly string[]): Promise<string> {
  const argv = [join(root, "scripts/paper.ts"), ...args];
  return (await runFile(process.execPath, argv, { maxBuffer: 2 ** 26 })).stdout;
}

function paper(run: string, build: string, ...args: readonly string[]): Promise<string> {
  return command("--run", run, "--engine", `cpu:${build}`, ...args);
}

const runs = [
  ["standard", "10000"],
  ["grokking", "20000"],
  ["quad_single_freq", "10000"],
  ["relu_single_freq", "10000"],
] as const;

for (const build of builds) {
  for (const [run, steps] of runs) {
    test.skipIf(unavailable[build])(`${run} keeps to its published numbers, on the ${build}`, async () => {
      const output = await paper(run, build, "--steps", steps);
      expect(output).toMatch(/All \d+ compared values are within their tolerances/);
    });
  }

  for (const run of ["quad_single_freq", "relu_single_freq"] as const) {
    const curve = join(reference, run, "curve.json");
    test.skipIf(unavailable[build] || !existsSync(curve))(
      `${run} follows the whole published curve to 1e-5, on the ${build}`,
      async () => {
        const rows = new Map<number, number>(
          JSON.parse(readFileSync(curve, "utf8")).data.map(([step, loss]: [number, number]) => [step, loss]),
        );
        const measured: { step: number; trainLoss: number }[] = JSON.parse(
          await paper(run, build, "--json"),
        ).curve;
        const compared = measured.filter(({ step }) => rows.has(step));
        expect(compared.length).toBeGreaterThan(90);
        for (const { step, trainLoss } of compared) {
          expect(Math.abs(trainLoss / rows.get(step)! - 1), `step ${step}`).toBeLessThanOrEqual(1e-5);
        }
      },
    );
  }
}

describe.skipIf(unavailable.addon)("the whole paper", () => {
  const folder = mkdtempSync(join(tmpdir(), "grokbox-paper-"));
  afterAll(() => rmSync(folder, { recursive: true }));
  let summary: Summary;
  let results: readonly Result[];
  beforeAll(async () => {
    summary = JSON.parse(await command("--json", "--out", folder));
    results = JSON.parse(readFileSync(summary.resultsFile, "utf8")).results;
  }, 600_000);

  test("every published number is measured, and all that are held to a tolerance are within it", () => {
    expect(summary).toMatchObject({ p: 23, steps: 105_000, skipped: [] });
    const unmeasured = results.filter(({ measured, of }) => measured === null && of !== "cost");
    expect(unmeasured).toEqual([]);
    expect(results.filter(({ pass }) => pass === false).map(({ measure }) => measure)).toEqual([]);
    expect(summary.results.passed).toBeGreaterThan(340);
  });

  test.skipIf(!hasChromium)(
    "the report shows the figures that were stored, and complains of nothing",
    async () => {
      expect(summary.figures).toEqual(figures.map(({ id }) => id));
      const { result, messages, requests } = await openPage(summary.report, drawings);
      expect({ messages, requests }).toEqual({ messages: [], requests: [] });
      const drawn = result.filter(({ id }) => id !== "figure-1");
      expect(drawn).toHaveLength(figures.filter(({ id }) => /\d/.test(id)).length);
      for (const { id, svg } of drawn) {
        await expect(structureText(figureStructure(svg))).toMatchFileSnapshot(`paper/${id}.txt`);
      }
    },
  );
});
