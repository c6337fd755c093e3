import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { afterAll, beforeAll, expect, test } from "vitest";
import { Grokbox, type Sweep, type SweepOptions, type SweepRun } from "../sdk/src/mod.ts";
import type { RunningServer } from "../server/server.ts";
import { startTestServer } from "./testing/server.ts";

let server: RunningServer;
let box: Grokbox;

beforeAll(async () => {
  server = await startTestServer();
  box = await Grokbox.connect(server.address);
});
afterAll(async () => {
  box.close();
  await server.close();
});

/** 12 runs, which take a second or two together. */
const options: SweepOptions = {
  title: "decay",
  base: { preset: "grokking", modulus: 11, width: 64 },
  grid: { weightDecay: [0, 1, 2], activation: ["relu", "x"] },
  seeds: [1, 2],
  untilStep: 2_000,
  recordEvery: 20,
  stopWhen: { measure: "trainAccuracy", atLeast: 0.9, forRecorded: 20 },
  maxParallel: 3,
};

/** What must be the same whatever happened to a sweep, in the order of its runs. */
const plain = (runs: readonly SweepRun[]) =>
  runs.map(({ sequence: _, finishTime: __, ...run }) => run).sort((a, b) => a.run - b.run);

const bandsOf = (sweep: Sweep) => Array.fromAsync(sweep.bands());

test("a script starts a sweep, follows its runs, and reads summaries and bands", async () => {
  await using sweep = await box.sweep(options);
  expect(sweep.info).toMatchObject({
    title: "decay",
    runs: 12,
    groups: 6,
    state: "running",
    untilStep: 2_000,
  });
  expect(sweep.info.definition).toMatchObject({
    axes: [
      { parameter: "weightDecay", values: [0, 1, 2] },
      { parameter: "activation", values: ["relu", "identity"] },
    ],
    seeds: [1, 2],
    maxParallel: 3,
  });
  const runs = await Array.fromAsync(sweep.runs());
  expect(sweep.info).toMatchObject({ state: "finished", done: 12, sessions: [] });
  expect(runs).toHaveLength(12);
  expect(runs.find(({ run }) => run === 11)).toMatchObject({
    group: 5,
    seed: 2,
    coordinates: { weightDecay: 2, activation: "identity" },
    final: { kind: "point", trainLoss: expect.any(Number) },
    forecastRight: expect.any(Number),
  });
  expect(new Set(runs.map(({ outcome }) => outcome))).toContain("target");
  expect(await Array.fromAsync(sweep.summaries())).toEqual(runs);
  const bands = await bandsOf(sweep);
  expect(bands.map(({ group, runs: of, coordinates }) => [group, of, coordinates.weightDecay])).toEqual([
    [0, 2, 0],
    [1, 2, 0],
    [2, 2, 1],
    [3, 2, 1],
    [4, 2, 2],
    [5, 2, 2],
  ]);
  expect(await Array.fromAsync(sweep.bands({ firstGroup: 2, groups: 3 }))).toEqual(bands.slice(2, 5));
  const finals = runs.filter(({ group }) => group === 1).map(({ final }) => final!.trainLoss);
  const { median, runs: of } = bands[1]!.measures.trainLoss!.at(-1)!;
  expect([of, median]).toEqual([2, expect.closeTo((finals[0]! + finals[1]!) / 2, 12)]);
  expect((await Array.fromAsync(box.sweeps())).map(({ name }) => name)).toEqual([sweep.name]);
  expect(await Array.fromAsync(box.sessions())).toEqual([]);
  await sweep.delete();
  await expect(box.openSweep(sweep.name)).rejects.toMatchObject({ reason: "SWEEP_NOT_FOUND" });
});

test("wrong values are refused by name; a wrong shape is refused before it is sent", async () => {
  await expect(
    box.sweep({ ...options, grid: { modulus: [7, 22] }, refuseInvalid: true }),
  ).rejects.toMatchObject({
    reason: "INVALID_FIELD",
    violations: [
      { field: "definition.grid.axes[0].values[1]", description: "must be odd, 3 to 199; got 22" },
    ],
  });
  await expect(box.sweep({ ...options, seeds: [-1] })).rejects.toMatchObject({
    violations: [{ field: "seeds[0]" }],
  });
  await expect(box.sweep({ ...options, specs: [] })).rejects.toThrow("must be left out with a base");
  await expect(box.sweep({ ...options, grid: { speed: [1] } as object })).rejects.toThrow("grid.speed");
});

test("a wrong cell is told of when the sweep starts, and only its own runs are invalid", async () => {
  await using sweep = await box.sweep({ ...options, grid: { modulus: [7, 22] }, seeds: [1, 2] });
  const invalid = {
    invalidGroups: 1,
    invalidValues: [
      { field: "definition.grid.axes[0].values[1]", description: "must be odd, 3 to 199; got 22" },
    ],
  };
  expect(sweep.info).toMatchObject(invalid);
  const runs = await Array.fromAsync(sweep.runs());
  expect(runs.filter(({ outcome }) => outcome === "invalid").map(({ run }) => run)).toEqual([2, 3]);
  expect(sweep.info).toMatchObject({ ...invalid, state: "finished", finished: { invalid: 2 } });
  await sweep.delete();
});

test("a sweep that is deleted while it is followed says so", async () => {
  const sweep = await box.sweep({ ...options, untilStep: 200_000, recordEvery: 10_000, stopWhen: [] });
  await expect(
    (async () => {
      for await (const event of sweep.watch()) if (event.kind === "progress") await sweep.delete();
    })(),
  ).rejects.toMatchObject({ reason: "SWEEP_NOT_FOUND" });
});

const isLong = process.env.LONG_TESTS !== undefined;

/** One setting with many seeds, which train in cohorts of two. */
const seeds: SweepOptions = {
  base: { preset: "grokking", modulus: 11, width: 64 },
  seeds: Array.from({ length: isLong ? 64 : 32 }, (_, i) => i),
  untilStep: 1_000,
  recordEvery: 50,
  maxParallel: 16,
};

test.each([
  ...(isLong ? [{ runs: 12, what: options, how: "killed", signal: "SIGKILL" } as const] : []),
  { runs: 12, what: options, how: "shut down", signal: "SIGTERM" },
  { runs: seeds.seeds!.length, what: seeds, how: "killed", signal: "SIGKILL" },
] as const)(
  "a sweep of $runs runs whose server is $how twice ends as one that was never interrupted, for whoever follows it",
  {
    timeout: 120_000,
  },
  async ({ runs, what, signal }) => {
    // One run at a time has the device to itself.
    const straight = await box.sweep({ ...what, maxParallel: 1 });
    const expected = plain(await Array.fromAsync(straight.runs()));
    const directory = mkdtempSync(join(tmpdir(), "grokbox-sweep-kill-"));
    const port = await freePort();
    let child = await serve(directory, port);
    try {
      await using other = await Grokbox.connect(`localhost:${port}`);
      const sweep = await other.sweep(what);
      const seen: SweepRun[] = [];
      let kills = 0;
      for await (const run of sweep.runs()) {
        seen.push(run);
        if (kills < 2 && seen.length >= (runs / 4) * (kills + 1)) {
          kills++;
          child.kill(signal);
          await once(child, "exit");
          child = await serve(directory, port);
        }
      }
      expect(kills).toBe(2);
      expect(new Set(seen.map(({ run }) => run)).size).toBe(runs);
      expect(plain(seen)).toEqual(expected);
      expect(plain(await Array.fromAsync(sweep.summaries()))).toEqual(expected);
      expect(await bandsOf(sweep)).toEqual(await bandsOf(straight));
      expect(await Array.fromAsync(other.sessions({ sweep: "sweeps/-" }))).toEqual([]);
    } finally {
      child.kill("SIGKILL");
      rmSync(directory, { recursive: true, force: true });
    }
  },
);

async function serve(directory: string, port: number): Promise<ChildProcess> {
  const main = join(import.meta.dirname, "../server/main.ts");
  const flags = ["--port", String(port), "--web-port", "0", "--data", directory];
  const timing = ["--threads", "2", "--checkpoint-every", "0.05", "--log-level", "error"];
  const env = { ...process.env, GROKBOX_EPHEMERAL: "" };
  const child = spawn(process.execPath, [main, ...flags, ...timing], {
    stdio: ["ignore", "pipe", "inherit"],
    env,
  });
  for await (const line of createInterface({ input: child.stdout! })) if (/is ready on/.test(line)) break;
  return child;
}

async function freePort(): Promise<number> {
  const listener = createServer().listen(0, "127.0.0.1");
  await once(listener, "listening");
  const { port } = listener.address() as { port: number };
  listener.close();
  await once(listener, "close");
  return port;
}
