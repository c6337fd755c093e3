import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, expect, test } from "vitest";
import { bitsOf } from "../engine/conformance/state-bits.ts";
import { openCpuEngine } from "../engine/cpu/cpu-engine.ts";
import { LosableEngine } from "../engine/testing/losable-engine.ts";
import { MersenneTwister } from "../model/mersenne-twister.ts";
import { completeSpec } from "../model/presets.ts";
import { unchanged } from "./changes.ts";
import { unobserved } from "./observer.ts";
import type { RunPlan } from "./plan.ts";
import type { Registry } from "./registry.ts";
import type { Session } from "./session.ts";
import { openTestRegistry, type TestRegistryOptions, unrepeated } from "./testing/registry.ts";
import { watch } from "./watch.ts";

const never = new AbortController().signal;
const plan: RunPlan = { stopWhen: [], snapshotAt: [], recordEvery: 5, recordAt: [], untilStep: 400 };
const open: Registry[] = [];
const folders: string[] = [];

afterEach(async () => {
  for (const registry of open.splice(0)) await shut(registry);
  for (const folder of folders.splice(0)) rmSync(folder, { recursive: true });
});

async function shut(registry: Registry): Promise<void> {
  await registry.shutDown();
  await registry.close();
}

async function openRegistry(options: TestRegistryOptions = {}) {
  const gpu = new LosableEngine(await openCpuEngine({ threads: 2 }), "webgpu");
  let counted = 0;
  const registry = await openTestRegistry({
    threads: 1,
    checkpointEveryMs: 50,
    offered: () => [{ engine: gpu, fallbackReason: "" }],
    observer: { ...unobserved, deviceLost: () => counted++ },
    limits: { retainedProgressPoints: 10_000 },
    ...options,
  });
  open.push(registry);
  return { registry, gpu, met: () => counted };
}

function start(registry: Registry, seed: number, input = {}, recordEvery = 7): Promise<Session> {
  const spec = completeSpec({ modulus: 7, width: 16, seed, ...input }, "grokking");
  const measures = [
    { measure: "ipr" as const, every: 14 },
    { measure: "thetaCosineFit" as const, every: 25 },
    { measure: "maxProbabilityDeviation" as const, every: 35 },
  ];
  return registry.start({ spec, preset: "", labels: {}, engine: "", recordEvery, measures });
}

const advance = (session: Session, steps: number, receipt = unrepeated()) =>
  session.advanceBy({ steps, expectedStep: undefined, receipt }, never);

async function atRest(session: Session): Promise<void> {
  while (session.isTraining) await session.log.changed(1_000, never);
  await session.atRest;
}

/** All that a user could compare. */
async function outcome(session: Session) {
  const { state } = await session.present(undefined, never);
  return {
    ...bitsOf(state),
    points: await session.withLog((log) => log.read(1, 100_000)),
    stages: session.training.stages.memory(),
    stop: session.stopReason,
    triggers: Object.entries(session.triggers.memory).map(([name, { id: _, ...counted }]) => [name, counted]),
    snapshots: session.snapshots
      .list()
      .map(({ step, kind, sha256 }) => [step, kind, Buffer.from(sha256).toString("hex")]),
    events: session.events.map(({ timeMs: _, ...event }) => ({ ...event, session: "" })),
  };
}

/** Sessions that step, run, keep snapshots, fire triggers, swap, fork, go back and look into themselves, all at once. */
async function work(registry: Registry) {
  const stepped = async () => {
    const session = await start(registry, 1);
    for (let i = 1; i <= 60; i++) await advance(session, i);
    return [session];
  };
  const ran = async () => {
    const session = await start(registry, 2, { modulus: 11, width: 32 });
    const when = {
      kind: "threshold",
      measure: "parameterNorm",
      comparison: ">=",
      value: 0,
      forRecorded: 40,
    } as const;
    const action = { kind: "snapshot", label: "" } as const;
    await session.setTriggers([{ name: "keep", when, action, repeat: true }], never, () => {});
    const schedule = { everySteps: 300, powersOfTwo: true, atSteps: [], atStageChanges: true, retain: 4 };
    await session.update({ schedule }, never, () => {});
    await session.run(
      { ...plan, untilStep: 1_500, recordEvery: 3, snapshotAt: [100, 777] },
      undefined,
      never,
    );
    await atRest(session);
    const stopWhen = [{ ...when, forRecorded: 100 }];
    await session.run({ ...plan, untilStep: 3_000, stopWhen }, undefined, never);
    await atRest(session);
    return [session];
  };
  const forked = async () => {
    const session = await start(registry, 3);
    await session.run({ ...plan, snapshotAt: [150] }, undefined, never);
    await atRest(session);
    await session.swapActivation("abs", undefined, unrepeated(), never);
    await advance(session, 150);
    const fork = await registry.fork(session, 150, {
      changes: { ...unchanged, spec: { activation: "x^2" } },
      labels: {},
      engine: "",
    });
    await Promise.all([advance(session, 200), advance(fork, 300)]);
    await session.restoreSnapshot(150, undefined, unrepeated(), never);
    await advance(session, 33);
    await session.snapshot({ expectedStep: undefined, label: "kept" }, never);
    return [session, fork];
  };
  const sessions = (await Promise.all([stepped(), ran(), forked()])).flat();
  return Promise.all(sessions.map(outcome));
}

test("200 losses of the device change nothing: weights, history, snapshots, triggers and events are those without any", async () => {
  const undisturbed = await work((await openRegistry()).registry);

  const { registry, gpu, met } = await openRegistry();
  const random = MersenneTwister.fromSeed(20_261_126);
  const draw = (least: number, most: number) => least + (random.uint32() % (most - least + 1));
  let calls = 0;
  let next = draw(20, 90);
  let lostMs = 0;
  // While a call is under way, be it what it may: at once, in a moment, or when it may be over.
  gpu.called = () => {
    // However slow the machine is, a loss now and then, not nothing but losses.
    if (++calls < next || performance.now() - lostMs < 10) return;
    lostMs = performance.now();
    calls = 0;
    next = draw(20, 90);
    const when = draw(0, 2);
    if (when === 0) queueMicrotask(() => gpu.lose());
    else if (when === 1) setImmediate(() => gpu.lose());
    else setTimeout(() => gpu.lose(), draw(0, 3));
  };
  for (let round = 0; gpu.losses < 200; round++) {
    expect(round).toBeLessThan(50);
    expect(await work(registry)).toEqual(undisturbed);
  }
  gpu.called = () => {};
  expect(met()).toBeGreaterThanOrEqual(100);
}, 300_000);

test("whoever looks on sees every point once, in order, whatever is lost", async () => {
  const { registry, gpu } = await openRegistry({ checkpointEveryMs: 3_600_000 });
  const session = await start(registry, 4);
  const seen: number[] = [];
  let epochs = 0;
  const looking = (async () => {
    for await (const event of watch(session, { from: 1, untilIdle: false }, never)) {
      if (event.kind === "opened") epochs += 1;
      if (event.kind === "batch") seen.push(...event.points.map(({ sequence }) => sequence));
      if (event.kind === "end") return;
    }
  })();
  for (let i = 0; i < 10; i++) {
    await advance(session, 41);
    gpu.lose();
  }
  expect(session.step).toBe(410);
  const { newest } = session.log;
  await registry.delete(session.name);
  await looking;
  expect(epochs).toBe(1);
  expect(seen).toEqual(Array.from({ length: newest }, (_, i) => i + 1));
});

test("a swap that a full disk kept from being stored is not lost with the device", async () => {
  const bits = async (full: boolean) => {
    const { registry, gpu } = await openRegistry({
      checkpointEveryMs: 3_600_000,
      ...(full ? { maxEphemeralBytes: 2 ** 20 } : {}),
    });
    // Its points take more than a few bytes.
    const session = await start(registry, 9, {}, 1);
    const filler = await start(registry, 10, { width: 32 });
    const fill = async () => {
      for (;;) {
        await advance(filler, 1);
        await filler.snapshot({ expectedStep: undefined, label: "" }, never);
      }
    };
    if (full) await expect(fill()).rejects.toMatchObject({ reason: "STORAGE_FULL" });
    await advance(session, 200);
    await session.swapActivation("abs", undefined, unrepeated(), never);
    await session.keeper.idle();
    if (full) expect(session.keeper.alarm).not.toBe("");
    await advance(session, 20);
    if (full) gpu.lose();
    await advance(session, 20);
    expect(session).toMatchObject({ step: 240, spec: { activation: "abs" } });
    const { bits: state } = await outcome(session);
    return { state, points: session.log.read(1, 1_000) };
  };
  expect(await bits(true)).toEqual(await bits(false));
});

test("without a device a call fails with DEVICE_LOST, and what it was asked is done when there is one again", async () => {
  const reference = await start((await openRegistry()).registry, 5);
  await advance(reference, 100);
  const { registry, gpu } = await openRegistry();
  const session = await start(registry, 5);
  await advance(session, 60);
  const { newest } = session.log;

  gpu.isGone = true;
  gpu.lose();
  const refused = { reason: "DEVICE_LOST", metadata: { engine: "webgpu" } };
  await expect(advance(session, 40)).rejects.toMatchObject(refused);
  await expect(session.present(undefined, never)).rejects.toMatchObject(refused);
  await expect(start(registry, 6)).rejects.toMatchObject(refused);
  expect(session).toMatchObject({ state: "idle", step: 60 });
  expect(session.log.newest).toBe(newest);
  await session.run({ ...plan, untilStep: 100 }, undefined, never);
  await atRest(session);
  expect(session).toMatchObject({ state: "idle", step: 60, stopReason: { kind: "failed" } });
  expect(session.stopReason!.detail).toContain("webgpu");

  gpu.isGone = false;
  await advance(session, 40);
  const bits = async (one: Session) => bitsOf((await one.present(undefined, never)).state);
  expect(await bits(session)).toEqual(await bits(reference));
  expect(session.log.latest).toMatchObject({ step: 100, trainLoss: reference.log.latest!.trainLoss });
});

test("a shutdown without a device ends, and the next server goes on with the run from its last commit", async () => {
  const directory = mkdtempSync(join(tmpdir(), "grokbox-device-loss-"));
  folders.push(directory);
  const reference = await start((await openRegistry()).registry, 7);
  await advance(reference, 5_000);
  const first = await openRegistry({ directory });
  const session = await start(first.registry, 7);
  await session.run({ ...plan, untilStep: 5_000 }, undefined, never);
  while (session.step < 500) await session.log.changed(1_000, never);
  first.gpu.isGone = true;
  const ended = shut(first.registry);
  first.gpu.lose();
  await ended;
  open.splice(open.indexOf(first.registry), 1);

  const { registry } = await openRegistry({ directory });
  await registry.restore({ resume: true });
  const again = registry.get(session.name);
  await atRest(again);
  expect(again.step).toBe(5_000);
  const bits = async (one: Session) => bitsOf((await one.present(undefined, never)).state);
  expect(await bits(again)).toEqual(await bits(reference));
});

test("a device that is lost with every step is given up on, not tried for ever", async () => {
  const { registry, gpu } = await openRegistry();
  const session = await start(registry, 8);
  gpu.called = (what) => {
    if (what === "advance") queueMicrotask(() => gpu.lose());
  };
  await expect(advance(session, 10)).rejects.toMatchObject({ reason: "DEVICE_LOST" });
  expect(gpu.losses).toBe(3);
  gpu.called = () => {};
  await expect(advance(session, 10)).resolves.toMatchObject({ step: 10 });
});
