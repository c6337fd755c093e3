import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import type { RunningServer } from "../server/server.ts";
import { printedAddress, runScript } from "./testing/script.ts";
import { startTestServer } from "./testing/server.ts";

const folder = join(import.meta.dirname, "../clients/examples");
const tried = new Set<string>();
let server: RunningServer;

beforeAll(async () => {
  server = await startTestServer();
});
afterAll(() => server.close());

/** Runs an example as it is printed, but for the address and what `change` replaces. */
async function run(name: string, change: Readonly<Record<string, string>> = {}, ...args: readonly string[]) {
  tried.add(name);
  let script = readFileSync(join(folder, name), "utf8");
  for (const [from, to] of Object.entries({ ...change, [printedAddress]: server.address })) {
    expect(script).toContain(from);
    script = script.replaceAll(from, to);
  }
  const { code, output, errors } = await runScript(script, ...args);
  expect(errors).toBe("");
  expect(code).toBe(0);
  return output;
}

test("the first script trains a network and shows what it learned", async () => {
  const output = await run("first-script.ts");
  expect(output).toContain("step 10000: loss 0.000001, accuracy 1");
  expect(output).toMatch(/neurons per frequency:( \d+){11} IPR: 0\.7/);
  expect(output).toMatch(/'abs'.*1 /);
});

test("the grokking script runs as printed: it leaves the loop at cleanup, and the run goes on", async () => {
  const output = await run("grokking.ts");
  const stages = [...output.matchAll(/^(\d+) [\d.e-]+ [\d.]+ (\w+)$/gm)].map(([, step, stage]) => ({
    step: Number(step),
    stage,
  }));
  expect(stages[0]).toEqual({ step: 100, stage: "memorization" });
  expect(stages.at(-1)!.stage).toBe("cleanup");
  expect(stages.at(-1)!.step).toBeLessThan(20_000);
  const [session] = server.registry.list({ states: [], labels: {} }, Number.POSITIVE_INFINITY);
  expect(["running", "idle"]).toContain(session!.state);
  await server.registry.delete(session!.name);
});

test("the activation table has a row for each activation and a column for each network", async () => {
  const output = await run("activation-table.ts", { "5_000": "100" });
  expect(output).toMatch(/trained with relu.*trained with x\^2/);
  expect(output.match(/│ \S+ +│ '[\d.]+%, loss [\d.]+' +│ '[\d.]+%, loss [\d.]+' +│/g)).toHaveLength(10);
});

test("leaving the theory tells how far the network is from the flow, and keeps where it left it", async () => {
  const output = await run("leaving-the-theory.ts");
  const lines = [...output.matchAll(/^step (\d+): drift \S+, misalignment off by (\S+) rad,.*R\^2 (\S+)$/gm)];
  expect(lines.map(([, step]) => Number(step))).toEqual(lines.map((_, i) => 500 * (i + 1)));
  expect(lines.map(([, , , r2]) => r2 === "-")).toEqual(lines.map((_, i) => i % 2 === 0));
  const first = lines.find(([, , error]) => Number(error) >= 0.01)![1];
  expect(output).toContain(`the flow is left by step ${first}; neurons per frequency:`);
});

test("a look inside tells forecast, votes and what the network can do without", async () => {
  const output = await run("look-inside.ts");
  expect(output).toMatch(/^winners forecast at step 0: 93\.\d% right$/m);
  expect(output).toMatch(/^correct 13\.\d+, spurious 4\.\d+, others -1\.\d+$/m);
  expect(output).toMatch(/^without frequencies 1: [\d.]+% right$/m);
  expect(output).toContain("128 ideal neurons: loss 5.9e-15");
});

test("runs stop on the server's condition and on the script's own", async () => {
  const output = await run("stop-condition.ts", {
    '"trainAccuracy", atLeast: 1,': '"trainAccuracy", atLeast: 0.2,',
    "10 * trainLoss": "1.01 * trainLoss",
  });
  expect(output).toMatch(/^stopped at step \d+: \S+ >= 0.2 for 5 recorded steps$/m);
  const [, crossed, paused] =
    /^the losses came apart at step (\d+); paused at step (\d+)$/m.exec(output) ?? [];
  expect(Number(paused)).toBeGreaterThanOrEqual(Number(crossed));
});

test("weights come out to files that say what they are", async () => {
  const target = mkdtempSync(join(tmpdir(), "grokbox-weights-"));
  try {
    const output = await run("weights-to-file.ts", { "5_000": "20" }, target);
    expect(output).toBe("theta.npy: float32 [512,23] at step 20\nxi.npy: float32 [512,23] at step 20\n");
    for (const name of ["theta.npy", "xi.npy"]) {
      const file = readFileSync(join(target, name));
      expect(file.subarray(0, 8)).toEqual(Buffer.from("\x93NUMPY\x01\x00", "latin1"));
      const begin = 10 + file.readUInt16LE(8);
      expect(begin % 64).toBe(0);
      expect(file.toString("latin1", 10, begin)).toMatch(/'descr': '<f4'.*'shape': \(512, 23\), \} *\n$/);
      expect(file.length - begin).toBe(512 * 23 * 4);
    }
  } finally {
    rmSync(target, { recursive: true });
  }
});

test("of two scripts on one session the one with a stale expectedStep is refused and can look again", async () => {
  expect(await run("two-scripts.ts")).toMatch(
    new RegExp(
      [
        "both scripts saw step 0",
        "yours stepped to 100",
        "mine was refused: it expected step 0, the session is at 100",
        String.raw`mine sees a loss of \d\.\d{4} now`,
        "mine stepped to 200",
      ].join("\n"),
    ),
  );
});

test("a fork goes on from the snapshot without decay, and both histories can be compared", async () => {
  const output = await run("fork-without-decay.ts", {
    "[2_200, 5_000, 12_200]": "[200, 700, 1_200]",
    "untilStep: 12_200": "untilStep: 1_200",
    "snapshotAt: [2_200]": "snapshotAt: [200]",
    "at: 2_200": "at: 200",
  });
  expect(output).toMatch(/^(sessions\/\w+) comes from sessions\/\w+\/snapshots\/200$/m);
  const rows = [
    ...output.matchAll(/^step (\d+): held-out accuracy ([\d.]+) with decay, ([\d.]+) without$/gm),
  ];
  expect(rows.map(([, step]) => Number(step))).toEqual([200, 700, 1_200]);
});

test("every example is tried", () => {
  // That of a sweep is tried by cli-sweeps.test.ts.
  expect([...tried, "weight-decay.yaml"].sort()).toEqual(readdirSync(folder).sort());
});
