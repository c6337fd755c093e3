import { copyFileSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, expect, test } from "vitest";
import { bitsOf } from "../engine/conformance/state-bits.ts";
import { openCpuEngine } from "../engine/cpu/cpu-engine.ts";
import { LosableEngine } from "../engine/testing/losable-engine.ts";
import { completeSpec } from "../model/presets.ts";
import { storeFile } from "../store/database.ts";
import { unchanged } from "./changes.ts";
import type { RunPlan } from "./plan.ts";
import type { Registry } from "./registry.ts";
import type { Session } from "./session.ts";
import { openTestRegistry, type TestRegistryOptions, unrepeated } from "./testing/registry.ts";

const never = new AbortController().signal;
const plan: RunPlan = { stopWhen: [], snapshotAt: [], recordEvery: 5, recordAt: [], untilStep: 400 };
const open: Registry[] = [];
const folders: string[] = [];
const gpuBytes = 2 ** 20;

afterEach(async () => {
  for (const registry of open.splice(0)) {
    await registry.shutDown();
    await registry.close();
  }
  for (const folder of folders.splice(0)) rmSync(folder, { recursive: true });
});

function folder(): string {
  const made = mkdtempSync(join(tmpdir(), "grokbox-move-"));
  folders.push(made);
  return made;
}

/** The WebAssembly build beside the one that is best here, as a device with memory of its own. */
async function openRegistry(options: TestRegistryOptions & { withGpu?: boolean } = {}) {
  const { withGpu = true, ...rest } = options;
  const gpu = new LosableEngine(await openCpuEngine({ threads: 1, variant: "wasm" }), "webgpu", gpuBytes);
  const registry = await openTestRegistry({
    threads: 1,
    offered: (cpu) => [
      ...(withGpu ? [{ engine: gpu, fallbackReason: "" }] : []),
      { engine: cpu, fallbackReason: "" },
    ],
    absent: withGpu ? [] : [{ name: "webgpu", reason: "no adapter" }],
    ...rest,
  });
  if (!withGpu) await gpu.close();
  open.push(registry);
  return { registry, gpu, device: withGpu ? registry.deviceMemory(registry.engine("webgpu"))! : undefined };
}

function start(registry: Registry, engine: string, input = {}): Promise<Session> {
  const spec = completeSpec({ modulus: 7, width: 16, ...input }, "grokking");
  return registry.start({ spec, preset: "", labels: {}, engine, recordEvery: 5 });
}

const advance = (session: Session, steps: number) =>
  session.advanceBy({ steps, expectedStep: undefined, receipt: unrepeated() }, never);
const move = (registry: Registry, session: Session, engine: string, receipt = unrepeated()) =>
  registry.move(session, engine, undefined, receipt, never);
const bits = async (session: Session) => bitsOf((await session.present(undefined, never)).state);

async function atRest(session: Session): Promise<void> {
  while (session.isTraining) await session.log.changed(1_000, never);
  await session.atRest;
}

/** What a server finds that starts after this one was killed now, with no commit under way. */
async function crash(registry: Registry, options = {}) {
  const directory = folder();
  const { path } = registry.store;
  for (const suffix of ["", "-wal"])
    copyFileSync(`${path}${suffix}`, join(directory, `${storeFile}${suffix}`));
  const after = await openRegistry({ directory, ...options });
  await after.registry.restore({ resume: true });
  return after;
}

test("a moved session goes on from the same state, and the move is one of its events", async () => {
  const { registry } = await openRegistry();
  const session = await start(registry, "webgpu");
  await advance(session, 50);
  const before = await bits(session);
  const { epoch } = session;
  await move(registry, session, "cpu");
  expect(await bits(session)).toEqual(before);
  expect(session).toMatchObject({
    step: 50,
    epoch,
    engine: { name: "cpu", reason: "moved there from webgpu" },
  });
  expect(session.events.at(-1)).toMatchObject({ kind: "engineMoved", from: "webgpu", to: "cpu", step: 50 });
  await advance(session, 50);
  expect(session.log.read(1, 100).map(({ step }) => step)).toEqual(
    Array.from({ length: 21 }, (_, i) => 5 * i),
  );
  await move(registry, session, "cpu");
  expect(session.events).toHaveLength(1);
});

test("a run under way goes on on the other engine, and after a crash to the same bits", async () => {
  const bitsAfter = [];
  for (const crashes of [false, true]) {
    const { registry } = await openRegistry({ directory: folder(), checkpointEveryMs: 3_600_000 });
    const session = await start(registry, "webgpu", { modulus: 11, width: 64 });
    await advance(session, 200);
    await move(registry, session, "cpu");
    await session.run({ ...plan, untilStep: 3_000 }, undefined, never);
    await session.keeper.idle();
    const after = crashes ? (await crash(registry)).registry.get(session.name) : session;
    expect(after.engine.name).toBe("cpu");
    await atRest(after);
    expect(after.step).toBe(3_000);
    bitsAfter.push([await bits(after), after.log.read(0, 1)]);
  }
  expect(bitsAfter[1]).toEqual(bitsAfter[0]);

  const { registry } = await openRegistry();
  const session = await start(registry, "webgpu");
  await session.run({ ...plan, untilStep: 20_000 }, undefined, never);
  while (session.step < 100) await session.log.changed(1_000, never);
  await move(registry, session, "cpu");
  expect(session.state).toBe("running");
  const at = session.events.at(-1)!.step;
  expect(at).toBeLessThan(20_000);
  await atRest(session);
  expect(session).toMatchObject({ step: 20_000, engine: { name: "cpu" }, stopReason: { kind: "target" } });
});

test("equal steps from before and after a move are not taken for equal states", async () => {
  const { registry } = await openRegistry();
  const session = await start(registry, "webgpu");
  await session.run({ ...plan, untilStep: 100, snapshotAt: [20, 100] }, undefined, never);
  await atRest(session);
  await session.restoreSnapshot(20, undefined, unrepeated(), never);
  await move(registry, session, "cpu");
  await advance(session, 80);
  await expect(session.snapshot({ expectedStep: undefined, label: "" }, never)).rejects.toMatchObject({
    reason: "SNAPSHOT_EXISTS",
  });
});

test("a move does not count as leaving the activation that the theory is about", async () => {
  const { registry } = await openRegistry({ directory: folder() });
  const spec = completeSpec({ modulus: 7, width: 16 }, "quad_single_freq");
  const measures = [{ measure: "misalignmentError" as const, every: 5 }];
  const session = await registry.start({
    spec,
    preset: "",
    labels: {},
    engine: "webgpu",
    recordEvery: 5,
    measures,
  });
  await advance(session, 5);
  await move(registry, session, "cpu");
  await advance(session, 5);
  await session.keeper.idle();
  expect(session.log.latest!.misalignmentError).toBeTypeOf("number");
  const again = (await crash(registry)).registry.get(session.name);
  await advance(again, 5);
  expect(again.log.latest!.misalignmentError).toBeTypeOf("number");
});

test("memory of the device is counted apart, reserved before a move, and given back after it", async () => {
  const { registry, device } = await openRegistry();
  const before = registry.memory.usedBytes;
  const session = await start(registry, "webgpu");
  const { engine } = session.training;
  const onHost = registry.memory.usedBytes - before;
  expect(device!.usedBytes).toBe(engine.bytesOf(session.spec));
  await move(registry, session, "cpu");
  expect(device!.usedBytes).toBe(0);
  expect(registry.memory.usedBytes - before).toBe(onHost + session.training.engine.bytesOf(session.spec));
  await move(registry, session, "webgpu");
  expect(registry.memory.usedBytes - before).toBe(onHost);
  await registry.delete(session.name);
  expect([registry.memory.usedBytes, device!.usedBytes]).toEqual([before, 0]);

  const wide = await start(registry, "cpu", { modulus: 31, width: 4_096 });
  const used = registry.memory.usedBytes;
  await expect(move(registry, wide, "webgpu")).rejects.toMatchObject({
    reason: "OUT_OF_MEMORY",
    message: expect.stringContaining("the memory of webgpu"),
  });
  expect(wide.engine.name).toBe("cpu");
  expect([registry.memory.usedBytes, device!.usedBytes]).toEqual([used, 0]);
  await advance(wide, 1);
});

test("sessions on a full device make room for each other, and those elsewhere are left awake", async () => {
  const { registry, device } = await openRegistry({ limits: { retainedProgressPoints: 100 } });
  const elsewhere = await start(registry, "cpu");
  const shape = { modulus: 11, width: 512 };
  const sessions = [];
  for (let i = 0; i < 4; i++) sessions.push(await start(registry, "webgpu", { ...shape, seed: i }));
  expect(device!.usedBytes).toBeLessThanOrEqual(gpuBytes);
  expect(sessions.filter(({ training }) => training.isAwake).length).toBeLessThan(4);
  expect(elsewhere.training.isAwake).toBe(true);
  for (const session of sessions) await advance(session, 3);
  expect(device!.usedBytes).toBeLessThanOrEqual(gpuBytes);
});

test("a session stays on its engine, also where that is absent, until somebody moves it", async () => {
  const first = await openRegistry({ directory: folder() });
  const session = await start(first.registry, "webgpu");
  await advance(session, 30);
  await session.snapshot({ expectedStep: undefined, label: "" }, never);
  const before = await bits(session);

  const { registry } = await crash(first.registry, { withGpu: false });
  const again = registry.get(session.name);
  expect(again.engine.name).toBe("webgpu");
  const absent = { reason: "ENGINE_ABSENT", message: expect.stringContaining("no adapter") };
  await expect(advance(again, 1)).rejects.toMatchObject(absent);
  await expect(start(registry, "webgpu")).rejects.toMatchObject(absent);
  await expect(move(registry, again, "webgpu")).rejects.toMatchObject(absent);
  expect((await again.readSnapshot(30)).state.step).toBe(30);
  await move(registry, again, "cpu");
  expect(await bits(again)).toEqual(before);
  await advance(again, 1);
});

test("a session can be moved off a device that does not come back, from where it was committed", async () => {
  const { registry, gpu } = await openRegistry();
  const session = await start(registry, "webgpu");
  await advance(session, 30);
  await session.checkpoint();
  await session.keeper.idle();
  gpu.isGone = true;
  gpu.lose();
  await expect(advance(session, 1)).rejects.toMatchObject({ reason: "DEVICE_LOST" });
  await move(registry, session, "cpu");
  expect(session).toMatchObject({ step: 30, engine: { name: "cpu" } });
  await advance(session, 1);
});

test("a fork trains where its source does, unless it is told where", async () => {
  const { registry } = await openRegistry();
  const session = await start(registry, "webgpu");
  await session.snapshot({ expectedStep: undefined, label: "" }, never);
  const fork = (engine: string) => registry.fork(session, 0, { changes: unchanged, labels: {}, engine });
  expect((await fork("")).engine.name).toBe("webgpu");
  expect((await fork("cpu")).engine).toEqual({ name: "cpu", reason: "asked for" });
  await move(registry, session, "cpu");
  expect((await fork("")).engine.name).toBe("cpu");
});

test("a move at another step than the expected one changes nothing", async () => {
  const { registry } = await openRegistry();
  const session = await start(registry, "webgpu");
  await expect(registry.move(session, "cpu", 5, unrepeated(), never)).rejects.toMatchObject({
    reason: "STEP_MISMATCH",
  });
  expect(session.engine.name).toBe("webgpu");
});

test("a run whose engine the next server does not have stays paused, and tells that its points may not come again", async () => {
  const first = await openRegistry({ directory: folder() });
  const session = await start(first.registry, "webgpu");
  await session.run({ ...plan, untilStep: 10_000_000 }, undefined, never);
  while (session.step < 100) await session.log.changed(1_000, never);
  const { registry } = await crash(first.registry, { withGpu: false });
  await session.pause();
  const again = registry.get(session.name);
  expect(again).toMatchObject({ state: "paused", engine: { name: "webgpu" } });
  expect(again.epoch).not.toBe(session.epoch);
  await move(registry, again, "cpu");
  await advance(again, 5);
});

test("an engine that has lost its device is passed over where the choice is the server's", async () => {
  const { registry, gpu } = await openRegistry();
  gpu.isGone = true;
  expect((await start(registry, "auto")).engine).toEqual({
    name: "cpu",
    reason: "in place of webgpu, whose device is lost",
  });
  await expect(start(registry, "webgpu")).rejects.toMatchObject({ reason: "DEVICE_LOST" });
  gpu.isGone = false;
  expect((await start(registry, "auto")).engine.name).toBe("webgpu");
});
