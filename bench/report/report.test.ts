import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, it } from "vitest";
import { measureEngine } from "../engine-speed.ts";
import { thisMachine } from "../machine.ts";
import type { Results } from "../results.ts";
import { writeReport } from "./report.ts";
import { table } from "./table.ts";

const effort = { rounds: 1, milliseconds: 2 };

const nothing: Results = {
  machine: thisMachine(),
  date: "2026-01-02T03:04:05.678Z",
  command: "npm run bench -- ",
  rows: [],
  peers: [],
  cohort: [],
  cost: [],
  recording: [],
  sweep: [],
  stack: [],
  service: null,
  live: null,
  analysis: [],
  tensorflow: [],
  auto: [],
  durability: null,
};

async function report(results: Results): Promise<{ text: string; folder: string }> {
  const folder = mkdtempSync(join(tmpdir(), "grokbox-report-"));
  await writeReport(results, join(folder, "RESULTS.md"));
  return { text: readFileSync(join(folder, "RESULTS.md"), "utf8"), folder };
}

it("writes only the parts that were measured", async () => {
  const { text, folder } = await report(nothing);
  expect(text).toContain("2026-01-02 03:04 UTC");
  expect(text.match(/^## .*/gm)).toEqual(["## A GPU"]);
  expect(text).not.toContain("![");
  rmSync(folder, { recursive: true });
});

it("shows a row as it was measured, with its plot beside it", async () => {
  const peer = {
    name: "a peer",
    peakMemoryBytes: 3 * 2 ** 20,
    steps: 10,
    measure: async () => ({ seconds: 0.001, cpuSeconds: 0.002 }),
    [Symbol.dispose]() {},
  };
  const row = await measureEngine({ threads: 1 }, { p: 5, width: 16 }, effort, 1, peer);
  expect(row.peerStepsPerSecond).toBeCloseTo(10_000);
  expect(row.ratioToBestPeer).toBeCloseTo(row.stepsPerSecond / 10_000);
  const choice = { p: 5, width: 16, threads: 1, best: peer.name, candidates: [] };
  const { text, folder } = await report({ ...nothing, rows: [row], peers: [choice] });
  expect(text).toMatch(/\| cpu \w+ \| \w+ \| 5 \| 16 \| 1 \| 1 \|.*\| a peer \| 10,000 \| 3 \| [\d.]+x \|/);
  expect(text).toContain("](results/speed.svg)");
  expect(readFileSync(join(folder, "results/speed.svg"), "utf8")).toContain("best peer");
  rmSync(folder, { recursive: true });
});

it("keeps a bar in a cell from ending it", () => {
  expect(
    table(["a"], [["x|y"]])
      .split("\n")
      .at(-1),
  ).toBe("| x\\|y |");
});
