import { openAsBlob } from "node:fs";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { Grokbox, type Session } from "../sdk/src/mod.ts";
import { relayTo } from "../sdk/src/testing/tcp-relay.ts";
import type { RunningServer } from "../server/server.ts";
import { startTestServer } from "./testing/server.ts";

let server: RunningServer;
let box: Grokbox;
let data: string;

beforeAll(async () => {
  data = await mkdtemp(join(tmpdir(), "grokbox-data-"));
  server = await startTestServer({ data });
  box = await Grokbox.connect(server.address);
});
afterAll(async () => {
  box.close();
  await server.close();
  await rm(data, { recursive: true });
});

const small = { preset: "grokking", modulus: 7, width: 16 } as const;

async function stepsOf(session: Session): Promise<number[]> {
  const steps = [];
  for await (const { step } of session.snapshots({ pageSize: 2 })) steps.push(step);
  return steps;
}

test("a fork without changes goes the same way, one with changes another, and the source is not touched", async () => {
  await using session = await box.start(small);
  await session.run({ untilStep: 60, snapshotAt: [40] }).finished;
  const before = session.info;
  await using same = await session.fork({ at: 40 });
  await using other = await session.fork({ at: 40, weightDecay: 0, learningRate: 1e-3 });
  expect([same.info.step, other.info.step]).toEqual([40, 40]);
  expect(other.info.spec.optimizer).toMatchObject({ kind: "adamw", weightDecay: 0, learningRate: 1e-3 });
  expect(other.info.parent).toEqual({
    snapshot: `${session.name}/snapshots/40`,
    changes: { optimizer: { kind: "adamw", learningRate: 1e-3, weightDecay: 0 } },
  });
  expect((await same.step(20)).trainLoss).toBe(before.latest!.trainLoss);
  expect((await other.step(20)).trainLoss).not.toBe(before.latest!.trainLoss);
  expect(await session.refresh()).toMatchObject({ step: 60, latest: before.latest });
  expect(session.info.events).toMatchObject([
    { kind: "session-forked", step: 40, session: same.name },
    { kind: "session-forked", step: 40, session: other.name },
  ]);
});

test("another kind of optimizer, other pairs and fewer frequencies", async () => {
  await using session = await box.start(small);
  await session.step(20);
  await using sgd = await session.fork({ optimizer: "sgd" });
  expect(sgd.info.spec.optimizer).toMatchObject({ kind: "sgd", learningRate: 0.1 });
  await using split = await session.fork({ split: { kind: "explicit", trainPairs: [0, 3, 8] } });
  expect(split.info.pairCounts.train).toBe(3);
  await using masked = await session.fork({ keepFrequencies: [2] });
  expect((await masked.spectrum()).neuronsPerFrequency).toEqual([0, 16, 0]);
  await expect(session.fork({ removeFrequencies: [4] })).rejects.toMatchObject({
    reason: "INVALID_FIELD",
    violations: [{ field: expect.stringContaining("changes.remove_frequencies") }],
  });
});

test("going back forgets later points, keeps snapshots, and goes the same way again", async () => {
  await using session = await box.start({ ...small, recordEvery: 10 });
  await session.step(20);
  await session.snapshot({ label: "here" });
  const far = await session.step(20);
  expect((await session.restore(20, { expectedStep: 40 })).step).toBe(20);
  const steps = [];
  for await (const { step } of session.history()) steps.push(step);
  expect(steps).toEqual([0, 10, 20]);
  expect(await stepsOf(session)).toEqual([40, 20]);
  expect((await session.step(20)).trainLoss).toBe(far.trainLoss);
  await expect(session.restore(7)).rejects.toMatchObject({ reason: "SNAPSHOT_NOT_FOUND" });
  await expect(session.restore(20, { expectedStep: 3 })).rejects.toMatchObject({ reason: "STEP_MISMATCH" });
});

test("who watches a session that is put back is told so, and sees the new course from its beginning", async () => {
  await using session = await box.start({ ...small, recordEvery: 10 });
  await session.step(20);
  await session.snapshot();
  await session.step(20);
  const seen: (string | number)[] = [];
  for await (const event of session.watch({ from: 1, signal: AbortSignal.timeout(20_000) })) {
    seen.push(event.kind === "point" ? event.step : event.kind);
    if (seen.length === 5) await session.restore(20);
    if (event.kind === "reset") await session.step(10);
    if (seen.at(-1) === 30 && seen.length > 5) break;
  }
  expect(seen).toEqual([0, 10, 20, 30, 40, "reset", 0, 10, 20, 30]);
});

test("a schedule keeps what it says, and labelled and forked-from snapshots", async () => {
  await using session = await box.start({ ...small, snapshotSchedule: { everySteps: 10, retain: 2 } });
  await session.run({ untilStep: 10 }).finished;
  await session.snapshot({ label: "the first" });
  await session.run({ untilStep: 20 }).finished;
  await using _branch = await session.fork({ at: 20 });
  await session.run({ untilStep: 60 }).finished;
  expect(await stepsOf(session)).toEqual([60, 50, 20, 10]);
  await session.deleteSnapshot(20);
  expect(await stepsOf(session)).toEqual([60, 50, 10]);
});

test("triggers keep, fork and pause", async () => {
  await using session = await box.start({ ...small, recordEvery: 5 });
  const when = { measure: "trainLoss", atMost: 100 } as const;
  await session.setTriggers([
    { name: "keep", when, action: { kind: "snapshot", label: "low" } },
    { name: "branch", when, action: { kind: "fork", changes: { weightDecay: 0 }, runUntilStep: 100 } },
    { name: "end", when, action: "pause" },
  ]);
  const { step, triggers, stopReason } = await session.run({ untilStep: 10_000 }).finished;
  expect(stopReason!.kind).toBe("paused");
  expect(triggers).toMatchObject([{ fired: 1 }, { fired: 1 }, { fired: 1, lastFiredStep: step }]);
  const fork = session.info.events.find((event) => event.kind === "session-forked");
  await using branch = await box.session(fork!.session);
  await expect.poll(async () => (await branch.refresh()).step).toBe(100);
  expect(branch.info.parent!.changes).toEqual({ optimizer: { kind: "adamw", weightDecay: 0 } });
});

test("an exported file comes over a connection that keeps breaking, and starts the same again", async () => {
  const folder = await mkdtemp(join(tmpdir(), "grokbox-export-"));
  try {
    await using relay = await relayTo(Number(server.address.split(":")[1]));
    await using shaky = await Grokbox.connect(relay.address, { backoff: { firstMs: 5, mostMs: 20 } });
    await using session = await shaky.start({ modulus: 97, width: 2_000, seed: 7 });
    const file = await session.export();
    const path = join(folder, "run.safetensors");
    let chunks = 0;
    async function* interrupted() {
      for await (const chunk of file) {
        yield chunk;
        if (++chunks % 5 === 0) relay.cut();
      }
    }
    await writeFile(path, interrupted());
    expect(relay.accepted).toBeGreaterThan(2);
    expect(file.totalBytes).toBeGreaterThan(6 * 4 * 97 * 2_000);
    await using copy = await box.start({ weights: { safetensors: await openAsBlob(path) } });
    expect(copy.info).toMatchObject({ step: 0, spec: { modulus: 97, width: 2_000 } });
    const [there, here] = [await session.evaluate(), await copy.evaluate()];
    expect(here.loss).toBe(there.loss);
  } finally {
    await rm(folder, { recursive: true });
  }
});

test("labels and the history", async () => {
  await using session = await box.start({ ...small, recordEvery: 1, labels: { a: "1" } });
  await session.step(30);
  expect((await session.update({ setLabels: { b: "2" }, removeLabels: ["a"] })).labels).toEqual({ b: "2" });
  const points = [];
  for await (const { sequence, step, epoch } of session.history({ from: 11, pageSize: 7 })) {
    expect(epoch).not.toBe("");
    points.push([sequence, step]);
  }
  expect(points).toEqual(Array.from({ length: 21 }, (_, i) => [i + 11, i + 10]));
});
