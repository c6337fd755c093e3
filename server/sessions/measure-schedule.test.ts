import { copyFileSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { afterEach, expect, test } from "vitest";
import { completeSpec } from "../model/presets.ts";
import type { SpecInput } from "../model/spec-input.ts";
import { storeFile } from "../store/database.ts";
import { unchanged } from "./changes.ts";
import { dueAt, type MeasureSchedule, neverMeasured } from "./measure-schedule.ts";
import type { RunPlan } from "./plan.ts";
import { extraBytes, type ProgressPoint } from "./progress-log.ts";
import type { Registry } from "./registry.ts";
import type { Session } from "./session.ts";
import { advance, atRest, pointsOf, stepsWith } from "./testing/points.ts";
import { openTestRegistry, unrepeated } from "./testing/registry.ts";

const never = new AbortController().signal;
const recordEvery = 10;
const plan: RunPlan = { stopWhen: [], snapshotAt: [], recordEvery, recordAt: [] };
const quadratic: SpecInput = {
  modulus: 11,
  width: 32,
  activation: "x^2",
  optimizer: { kind: "sgd", learningRate: 0.1 },
};
const drifts: MeasureSchedule = [
  { measure: "magnitudeDrift", every: 10 },
  { measure: "misalignmentError", every: 20 },
];
const folders: string[] = [];
const open: Registry[] = [];

afterEach(async () => {
  for (const registry of open.splice(0)) {
    await registry.shutDown();
    await registry.close();
  }
  for (const folder of folders.splice(0)) rmSync(folder, { recursive: true });
});

function folder(): string {
  const made = mkdtempSync(join(tmpdir(), "grokbox-measures-"));
  folders.push(made);
  return made;
}

async function restored(directory: string): Promise<Registry> {
  const limits = { retainedProgressPoints: 1_000_000 };
  const registry = await openTestRegistry({ directory, threads: 1, checkpointEveryMs: 3_600_000, limits });
  open.push(registry);
  await registry.restore({ resume: true });
  return registry;
}

/** The files of a store as they are now, as after a kill. */
function copied(registry: Registry): string {
  const directory = folder();
  for (const suffix of ["", "-wal"])
    copyFileSync(`${registry.store.path}${suffix}`, join(directory, `${storeFile}${suffix}`));
  return directory;
}

function start(registry: Registry, measures: MeasureSchedule, input = quadratic): Promise<Session> {
  const spec = completeSpec(input, "standard");
  return registry.start({ spec, preset: "", labels: {}, engine: "", recordEvery, measures });
}

test("a measure is due at multiples of its steps, and a default one that is not scheduled at every step", () => {
  const defaults = ["ipr", "meanAbsSinMisalignment"];
  expect(dueAt([], 35)).toEqual(defaults);
  expect(dueAt(drifts, 0)).toEqual([...defaults, "magnitudeDrift", "misalignmentError"]);
  expect(dueAt(drifts, 30)).toEqual([...defaults, "magnitudeDrift"]);
  expect(dueAt(drifts, 35)).toEqual(defaults);
  const ipr = { measure: "ipr", every: 10 } as const;
  expect(dueAt([ipr], 30)).toEqual(["meanAbsSinMisalignment", "ipr"]);
  expect(dueAt([ipr], 35)).toEqual(["meanAbsSinMisalignment"]);
  expect(dueAt([ipr, { measure: "meanAbsSinMisalignment", every: 10 }], 35)).toEqual([]);
});

test("what a spec rules out is told, and nothing else", () => {
  const spec = completeSpec({}, "quad_random_sgd");
  const never = (measure: Parameters<typeof neverMeasured>[0], changes: object) =>
    neverMeasured(measure, { ...spec, ...changes });
  const split = { kind: "torch", fraction: 0.8 };
  expect(never("dominantOnlyTestLoss", {})).toContain("all pairs train");
  expect(never("dominantOnlyTestLoss", { split })).toBeUndefined();
  expect(never("dominantRemovedTestLoss", {})).toContain("all pairs train");
  expect(never("votingResidual", { task: "subtract" })).toContain("subtract");
  expect(never("votingRSquared", {})).toBeUndefined();
  expect(never("misalignmentError", {})).toBeUndefined();
  expect(never("misalignmentError", { activation: "relu" })).toContain("x^2");
  expect(never("misalignmentError", { task: "subtract" })).toContain("adds");
  const { optimizer } = completeSpec({ optimizer: { weightDecay: 0.1 } }, "quad_random_sgd");
  expect(never("misalignmentError", { optimizer })).toContain("without decay");
  const adamw = completeSpec({ optimizer: { kind: "adamw" } }, "quad_random_sgd").optimizer;
  expect(never("misalignmentError", { optimizer: adamw })).toContain("sgd");
  expect(never("magnitudeDrift", { activation: "relu", task: "subtract" })).toBeUndefined();
});

test("a fork takes over its source's measures, but for those that it can't have, against its own first state", async () => {
  const directory = folder();
  let registry = await restored(directory);
  const source = await start(registry, drifts);
  await advance(source, 40);
  await source.snapshot({ expectedStep: 40, label: "" }, never);
  const fork = (changes: object) =>
    registry.fork(source, 40, { changes: { ...unchanged, spec: changes }, labels: {}, engine: "" });
  const relu = await fork({ activation: "relu" });
  expect(relu.measures).toEqual(drifts.slice(0, 1));
  let same = await fork({});
  expect(same.measures).toEqual(drifts);
  await advance(same, 60);
  const points = await pointsOf(same);
  expect(points[0]).toMatchObject({ step: 40, magnitudeDrift: 0, misalignmentError: expect.closeTo(0, 6) });
  expect(points.at(-1)!.magnitudeDrift).toBeGreaterThan(0);
  await expect(same.deleteSnapshot(40)).rejects.toMatchObject({ reason: "SNAPSHOT_IN_USE" });
  const none = { changes: unchanged, labels: {}, engine: "", measures: [] };
  expect((await registry.fork(source, 40, none)).snapshots.size).toBe(0);

  // What was measured straight through is measured after a restart, when the base comes from the store.
  const again = await fork({});
  await advance(again, 30);
  registry = await restored(copied(registry));
  same = registry.get(again.name);
  await advance(same, 100 - same.step);
  const without = (all: readonly ProgressPoint[]) => all.map(({ sequence: _, ...point }) => point);
  expect(without(await pointsOf(same))).toEqual(without(points));
  await same.update({ measures: [] }, never, () => {});
  await same.deleteSnapshot(40);
  expect(same.hasBase).toBe(false);
});

test("measures change during a run, for the points from then on, and a crash brings back the same", async () => {
  const registry = await restored(folder());
  const session = await start(registry, []);
  await session.run({ ...plan, untilStep: 1_000_000 }, undefined, never);
  while (session.step < 200) await session.log.changed(1_000, never);
  await session.update({ measures: [{ measure: "maxProbabilityDeviation", every: 20 }] }, never, () => {});
  const from = session.step;
  while (session.step < from + 200) await session.log.changed(1_000, never);
  const crashed = await restored(copied(registry));
  await session.update({ measures: [] }, never, () => {});
  const to = session.step;
  while (session.step < to + 100) await session.log.changed(1_000, never);
  await session.pause();
  const points = await pointsOf(session);
  const between = points
    .map(({ step }) => step)
    .filter((step) => step > from && step <= to && step % 20 === 0);
  expect(stepsWith(points, "maxProbabilityDeviation")).toEqual(between);
  expect(between.length).toBeGreaterThan(5);

  const again = crashed.get(session.name);
  expect(again.measures).toEqual([{ measure: "maxProbabilityDeviation", every: 20 }]);
  while (again.step < from + 200) await again.log.changed(1_000, never);
  await again.pause();
  const both = (await pointsOf(again)).filter(({ step }) => step <= Math.min(to, again.step));
  const seen = points.filter(({ step }) => both.some((point) => point.step === step));
  expect(both.filter(({ step }) => step % recordEvery === 0)).toEqual(
    seen.filter(({ step }) => step % recordEvery === 0),
  );
});

test("after a swap the flow has no clock until the session is put back before it", async () => {
  const registry = await restored(folder());
  const session = await start(registry, drifts);
  await advance(session, 20);
  await session.snapshot({ expectedStep: 20, label: "" }, never);
  await session.swapActivation("abs", 20, unrepeated(), never);
  await session.swapActivation("x^2", 20, unrepeated(), never);
  await advance(session, 20);
  expect(stepsWith(await pointsOf(session), "misalignmentError")).toEqual([0, 20]);
  expect(stepsWith(await pointsOf(session), "magnitudeDrift")).toEqual([0, 10, 20, 30, 40]);
  await session.restoreSnapshot(20, 40, unrepeated(), never);
  await advance(session, 20);
  expect(stepsWith(await pointsOf(session), "misalignmentError")).toEqual([0, 20, 40]);
});

test("a point that is taken in after a swap is measured as it was before it", async () => {
  const registry = await restored(folder());
  const every: MeasureSchedule = [{ measure: "maxProbabilityDeviation", every: 1 }];
  const session = await start(registry, every);
  await session.run({ ...plan, recordEvery: 1, untilStep: 1_000_000 }, undefined, never);
  while (session.step < 50) await session.log.changed(1_000, never);
  await session.swapActivation("abs", undefined, unrepeated(), never);
  const { step } = session.events[0]!;
  await session.pause();
  const points = await pointsOf(session);
  const same = await start(registry, every);
  await advance(same, step);
  const at = (all: readonly ProgressPoint[], wanted: number) => all.find((point) => point.step === wanted)!;
  const { maxProbabilityDeviation } = at(points, step);
  expect(maxProbabilityDeviation).toBe(at(await pointsOf(same), step).maxProbabilityDeviation);
  expect(maxProbabilityDeviation).toBeGreaterThan(0);
});

test.each([
  ["iprTheta", "ipr_theta"],
  ["ipr", "ipr"],
] as const)("conditions and triggers pass over the points that don't carry %s", async (measure, name) => {
  const registry = await restored(folder());
  const session = await start(registry, [{ measure, every: 20 }]);
  const when = { kind: "threshold", measure, comparison: ">=", value: 0, forRecorded: 2 } as const;
  const keep = { name: "keep", when, action: { kind: "snapshot", label: "" }, repeat: true } as const;
  await session.setTriggers([keep], never, () => {});
  await session.run({ ...plan, stopWhen: [{ ...when, forRecorded: 3 }] }, undefined, never);
  await atRest(session);
  expect(session).toMatchObject({ step: 60, stopReason: { kind: "condition" } });
  expect(session.stopReason!.detail).toBe(`${name} >= 0 for 3 recorded steps`);
  expect(session.triggers.memoryOf("keep")).toMatchObject({ fired: 1, lastFiredStep: 40 });
});

test("a store of the version before measures opens as it is, and its sessions can have them", async () => {
  const directory = folder();
  const before = await restored(directory);
  const session = await start(before, []);
  await advance(session, 30);
  const points = await pointsOf(session);
  open.splice(open.indexOf(before), 1);
  await before.shutDown();
  await before.close();
  const db = new DatabaseSync(join(directory, storeFile));
  // All that later versions have added.
  db.exec("DROP TABLE sweep_runs; DROP TABLE sweeps; PRAGMA user_version = 1");
  db.close();

  const after = await restored(directory);
  const again = after.get(session.name);
  expect(await pointsOf(again)).toEqual(points);
  await again.update({ measures: [{ measure: "thetaCosineFit", every: 10 }] }, never, () => {});
  await advance(again, 30);
  expect(stepsWith(await pointsOf(again), "thetaCosineFit")).toEqual([40, 50, 60]);
});

test("measures are counted as memory while they are taken", async () => {
  const registry = await restored(folder());
  const { memory } = registry;
  const session = await start(registry, []);
  const plain = memory.usedBytes;
  // They have their columns in every point anyway.
  await session.update({ measures: [{ measure: "ipr", every: 10 }] }, never, () => {});
  expect(memory.usedBytes).toBe(plain);
  await session.update({ measures: drifts }, never, () => {});
  expect(memory.usedBytes).toBeGreaterThan(plain);
  await session.update({ measures: [] }, never, () => {});
  expect(memory.usedBytes).toBe(plain);
  await session.update({ measures: drifts }, never, () => {});
  await advance(session, recordEvery);
  await session.update({ measures: [] }, never, () => {});
  // Its points still carry them, also when the session comes back.
  const withPoints = memory.usedBytes;
  expect(withPoints - plain).toBe(extraBytes * registry.limits.retainedProgressPoints);
  expect(await session.sleep()).toBe(true);
  expect(memory.usedBytes).toBeLessThan(plain);
  await advance(session, 1);
  expect(memory.usedBytes).toBe(withPoints);
});

test("measured sessions don't wait for what users ask to be analysed", async () => {
  const registry = await restored(folder());
  const spec = completeSpec({ width: 512 }, "standard");
  const measures = [{ measure: "magnitudeDrift", every: 1 }] as const;
  const session = await registry.start({
    spec,
    preset: "",
    labels: {},
    engine: "cpu",
    recordEvery: 1,
    measures,
  });
  let isAnalysed = false;
  const wide = completeSpec({ modulus: 199, width: 20_000 }, "standard");
  const asked = registry.analyst.run("initialState", Number.POSITIVE_INFINITY, wide).then(() => {
    isAnalysed = true;
  });
  await advance(session, 20);
  expect(isAnalysed).toBe(false);
  expect(stepsWith(await pointsOf(session), "magnitudeDrift")).toHaveLength(21);
  await asked;
});

test("a start that can't be stored gives back the memory that it had, once", async () => {
  const registry = await openTestRegistry({ threads: 1, maxEphemeralBytes: 100_000 });
  open.push(registry);
  const spec = completeSpec({ ...quadratic, width: 4_096 }, "standard");
  const input = { spec, preset: "", labels: {}, engine: "", recordEvery };
  await expect(registry.start(input)).rejects.toMatchObject({ reason: "STORAGE_FULL" });
  expect(registry.memory.usedBytes).toBe(0);
});
