import { execFile } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { promisify } from "node:util";
import { expect, test } from "vitest";
import { loadAddon } from "../../server/engine/cpu/addon.ts";

const root = join(import.meta.dirname, "../..");
const reference = join(root, "../shared/reference");
const runFile = promisify(execFile);
const builds = ["addon", "wasm"] as const;
const unavailable = { addon: !("addon" in loadAddon()), wasm: false };

async function paper(run: string, build: string, ...args: readonly string[]): Promise<string> {
  const argv = [join(root, "scripts/paper.ts"), "--run", run, "--engine", `cpu:${build}`, ...args];
  const { stdout } = await runFile(process.execPath, argv, { maxBuffer: 2 ** 26 });
  return stdout;
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
      // A value outside of its tolerance makes the command fail.
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
