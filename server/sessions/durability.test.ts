import { createHash } from "node:crypto";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { afterEach, expect, test } from "vitest";
import { arraysOf } from "../model/network-state.ts";
import { completeSpec } from "../model/presets.ts";
import type { SpecInput } from "../model/spec-input.ts";
import { extraMeasures } from "./extra-measures.ts";
import type { MeasureSchedule } from "./measure-schedule.ts";
import type { RunPlan } from "./plan.ts";
import type { Registry } from "./registry.ts";
import type { Session } from "./session.ts";
import { openTestRegistry, unrepeated } from "./testing/registry.ts";
import { watch } from "./watch.ts";

const never = new AbortController().signal;
const recordEvery = 10;
const plan: RunPlan = { stopWhen: [], snapshotAt: [], recordEvery, recordAt: [] };
const small: SpecInput = { modulus: 11, width: 32, split: { kind: "torch", fraction: 0.8 } };
const folders: string[] = [];
const open: Registry[] = [];

afterEach(async () => {
  for (const registry of open.splice(0)) await shut(registry);
  for (const folder of folders.splice(0)) rmSync(folder, { recursive: true });
});

function folder(): string {
  const made = mkdtempSync(join(tmpdir(), "grokbox-durability-"));
  folders.push(made);
  return made;
}

async function shut(registry: Registry): Promise<void> {
  await registry.shutDown();
  await registry.close();
}

async function restored(directory: string, options = {}): Promise<Registry> {
  const registry = await openTestRegistry({ directory, threads: 1, ...options });
  open.push(registry);
  await registry.restore({ resume: true });
  return registry;
}

async function restart(registry: Registry, directory: string): Promise<Registry> {
  open.splice(open.indexOf(registry), 1);
  await shut(registry);
  return restored(directory);
}

function start(
  registry: Registry,
  input: SpecInput = small,
  measures: MeasureSchedule = [],
): Promise<Session> {
  const spec = completeSpec(input, "grokking");
  return registry.start({
    spec,
    preset: "grokking",
    labels: { by: "test" },
    engine: "",
    recordEvery,
    measures,
  });
}

const advance = (session: Session, steps: number) =>
  session.advanceBy({ steps, expectedStep: undefined, receipt: unrepeated() }, never);

async function atRest(session: Session): Promise<void> {
  while (session.isTraining) await session.log.changed(1_000, never);
}

/** Of all arrays. */
async function digestOf(session: Session): Promise<string> {
  const { state } = await session.present(undefined, never);
  const hash = createHash("sha256");
  for (const [name, values] of Object.entries(arraysOf(state))) hash.update(name).update(values!);
  return hash.digest("hex");
}

async function pointsOf(session: Session) {
  return session.withLog((log) => log.read(1, 100_000));
}

/** With everything that can be measured, of an x^2 network with SGD, and of what others have. */
const quadratic: SpecInput = { ...small, activation: "x^2", optimizer: { kind: "sgd", learningRate: 0.1 } };
const everything = (["ipr", "meanAbsSinMisalignment", ...extraMeasures] as const).map((measure, i) => ({
  measure,
  every: recordEvery * (1 + ((i + 1) % 3)),
}));
const withoutFlow = everything.filter(({ measure }) => measure !== "misalignmentError");

const embedded: SpecInput = { ...small, embedding: { dimension: 9 }, optimizer: { grokfast: {} } };

for (const [variant, measured, input, measures, cuts] of [
  ["addon", "", small, [], 50],
  ["wasm", "", small, [], 50],
  ["addon", ", measured", quadratic, everything, 30],
  ["addon", ", measured under relu", small, withoutFlow, 20],
  ["addon", ", learned embedding, Grokfast", embedded, withoutFlow, 20],
  ["wasm", ", learned embedding, Grokfast", embedded, [], 10],
  ["wasm", ", measured", quadratic, everything, 10],
] as const) {
  test(`cut anywhere by snapshot, restart and resume, a run has the same bits and points (${variant}${measured})`, async () => {
    const whole = await openTestRegistry({ variant, threads: 1 });
    open.push(whole);
    const straight = await start(whole, input, measures);
    await straight.run({ ...plan, untilStep: 300 }, undefined, never);
    await atRest(straight);
    const expected = await digestOf(straight);
    const points = new Map(
      (await pointsOf(straight)).map(({ sequence: _, ...point }) => [point.step, point]),
    );
    for (const { measure, every } of measures) {
      const carriers = [...points.values()].filter((point) => point[measure] !== undefined);
      expect([measure, carriers.map(({ step }) => step)]).toEqual([
        measure,
        [...points.keys()].filter((step) => step % every === 0),
      ]);
    }
    await fc.assert(
      fc.asyncProperty(fc.integer({ min: 1, max: 299 }), fc.boolean(), async (cut, running) => {
        const directory = folder();
        let registry = await restored(directory, { variant });
        let session = await start(registry, input, measures);
        const { name } = session;
        if (running) {
          // The end of the server interrupts it wherever it is by then.
          await session.run({ ...plan, untilStep: 300, snapshotAt: [cut] }, undefined, never);
        } else {
          await advance(session, cut);
          await session.snapshot({ expectedStep: cut, label: "" }, never);
        }
        open.splice(open.indexOf(registry), 1);
        await shut(registry);
        registry = await restored(directory, { variant });
        session = registry.get(name);
        if (running) await atRest(session);
        else await advance(session, 300 - session.step);
        expect(session.step).toBe(300);
        expect(await digestOf(session)).toBe(expected);
        for (const { sequence: _, ...point } of await pointsOf(session)) {
          const same = points.get(point.step);
          if (same !== undefined) expect(point).toEqual(same);
        }
        const kept = await session.readSnapshot(cut);
        expect(kept.state.step).toBe(cut);
        open.splice(open.indexOf(registry), 1);
        await shut(registry);
      }),
      { numRuns: process.env.LONG_TESTS ? cuts : Math.ceil(cuts / 10) },
    );
  }, 180_000);
}

test("after a restart a session is as it was: spec, labels, events, snapshots, history, epoch, and asleep until used", async () => {
  const directory = folder();
  const before = await restored(directory);
  const session = await start(before);
  await advance(session, 25);
  await session.snapshot({ expectedStep: 25, label: "here" }, never);
  await session.swapActivation("gelu", 25, unrepeated(), never);
  await advance(session, 10);
  await session.update(
    {
      setLabels: { by: "another" },
      schedule: { everySteps: 7, powersOfTwo: false, atSteps: [], atStageChanges: false, retain: 2 },
    },
    never,
    () => {},
  );
  const { name, epoch } = session;
  const points = await pointsOf(session);
  const after = await restart(before, directory);
  const again = after.get(name);
  expect(again.training.isAwake).toBe(false);
  expect(again).toMatchObject({ step: 35, epoch, state: "idle", labels: { by: "another" } });
  expect(again.spec).toEqual({ ...session.spec });
  expect(again.events).toMatchObject([{ kind: "activationSwapped", from: "relu", to: "gelu", step: 25 }]);
  expect(again.snapshots.list()).toMatchObject([{ step: 25, label: "here", kind: "requested" }]);
  expect(await pointsOf(again)).toEqual(points);
  expect(again.training.isAwake).toBe(false);
  await advance(again, 15);
  expect(again.snapshots.list().map(({ step }) => step)).toEqual([49, 42, 25]);
});

test("a watcher resumes with its sequence and epoch over a restart of a run", async () => {
  const directory = folder();
  const before = await restored(directory);
  const session = await start(before);
  await session.run({ ...plan, untilStep: 100_000 }, undefined, never);
  while (session.log.newest < 5) await session.log.changed(1_000, never);
  const { name, epoch } = session;
  const seen = session.log.newest;
  const after = await restart(before, directory);
  const again = after.get(name);
  expect(again.state).toBe("running");
  const sequences: number[] = [];
  for await (const event of watch(again, { from: seen + 1, epoch, untilIdle: false }, never)) {
    if (event.kind === "opened") expect(event.epoch).toBe(epoch);
    if (event.kind === "batch") sequences.push(...event.points.map(({ sequence }) => sequence));
    if (sequences.length > 20) break;
  }
  expect(sequences).toEqual(sequences.map((_, i) => seen + 1 + i));
  await again.pause();
});

test("a fork takes its changes from the snapshot on, and leaves its source as it is", async () => {
  const registry = await restored(folder());
  const session = await start(registry);
  await advance(session, 40);
  await session.snapshot({ expectedStep: 40, label: "" }, never);
  await advance(session, 10);
  const straight = await digestOf(session);
  const input = { labels: {}, engine: "" };
  const none = { spec: {}, removeFrequencies: [], keepFrequencies: [] };
  const same = await registry.fork(session, 40, { ...input, changes: none });
  await advance(same, 10);
  expect(await digestOf(same)).toBe(straight);
  const changes = { ...none, spec: { optimizer: { weightDecay: 0 } }, removeFrequencies: [2] };
  const other = await registry.fork(session, 40, { ...input, changes });
  expect(other.spec.optimizer).toMatchObject({ kind: "adamw", weightDecay: 0 });
  expect(other.identity.parent).toMatchObject({ session: session.id, step: 40, changes });
  await advance(other, 10);
  expect(await digestOf(other)).not.toBe(straight);
  expect(session.snapshots.get(40).forks).toBe(2);
  expect(await digestOf(session)).toBe(straight);
});

test("a restored snapshot is the state that it was, later points are gone, and the state before is kept", async () => {
  const directory = folder();
  let registry = await restored(directory);
  let session = await start(registry);
  await advance(session, 20);
  const there = await digestOf(session);
  await session.snapshot({ expectedStep: 20, label: "" }, never);
  await advance(session, 30);
  const later = await digestOf(session);
  const { epoch } = session;
  await session.restoreSnapshot(20, 50, unrepeated(), never);
  expect(await digestOf(session)).toBe(there);
  expect(session).toMatchObject({ step: 20, state: "idle" });
  expect(session.epoch).not.toBe(epoch);
  expect(session.log.latest!.step).toBe(20);
  expect(session.snapshots.get(50).kind).toBe("replaced");
  registry = await restart(registry, directory);
  session = registry.get(session.name);
  await advance(session, 30);
  expect(await digestOf(session)).toBe(later);
});

test("triggers snapshot, fork and pause where a measure crosses a value, once unless they repeat", async () => {
  const registry = await restored(folder());
  const session = await start(registry);
  const when = {
    kind: "threshold",
    measure: "parameterNorm",
    comparison: ">=",
    value: 0,
    forRecorded: 2,
  } as const;
  const changes = { spec: { activation: "gelu" }, removeFrequencies: [], keepFrequencies: [] };
  await session.setTriggers(
    [
      { name: "keep", when, action: { kind: "snapshot", label: "norm" }, repeat: false },
      {
        name: "branch",
        when,
        action: { kind: "fork", changes, labels: { of: "it" }, runUntilStep: 30 },
        repeat: false,
      },
      { name: "rest", when: { ...when, forRecorded: 4 }, action: { kind: "pause" }, repeat: false },
    ],
    never,
    () => {},
  );
  await session.run({ ...plan, untilStep: 1_000 }, undefined, never);
  await atRest(session);
  expect(session).toMatchObject({ state: "paused", step: 40 });
  expect(session.stopReason!.detail).toContain("trigger rest: parameter_norm >= 0");
  expect(session.snapshots.list()).toMatchObject([{ step: 20, label: "norm", kind: "triggered", forks: 1 }]);
  const fork = [...registry.all()].at(-1)!;
  await atRest(fork);
  expect(fork).toMatchObject({ step: 30, labels: { of: "it" } });
  expect(fork.spec.activation).toBe("gelu");
  await advance(session, 100);
  expect(session.triggers.memoryOf("keep")).toMatchObject({ fired: 1, lastFiredStep: 20 });
});

test("scheduled snapshots are kept where the schedule says; old ones go unless they are held on to", async () => {
  const registry = await restored(folder());
  const session = await start(registry);
  const schedule = { everySteps: 10, powersOfTwo: true, atSteps: [33], atStageChanges: false, retain: 3 };
  await session.update({ schedule }, never, () => {});
  await session.run({ ...plan, untilStep: 20 }, undefined, never);
  await atRest(session);
  expect(session.snapshots.list().map(({ step }) => step)).toEqual([20, 16, 10]);
  await registry.fork(session, 10, {
    changes: { spec: {}, removeFrequencies: [], keepFrequencies: [] },
    labels: {},
    engine: "",
  });
  await session.run({ ...plan, untilStep: 50 }, undefined, never);
  await atRest(session);
  expect(session.snapshots.list().map(({ step }) => step)).toEqual([50, 40, 33, 32, 10]);
});

test("a schedule keeps a snapshot when a stage boundary becomes known", async () => {
  const registry = await restored(folder());
  const session = await start(registry, { ...small, width: 64, optimizer: { learningRate: 5e-3 } });
  const schedule = { powersOfTwo: false, atSteps: [], atStageChanges: true, retain: 3 };
  await session.update({ schedule }, never, () => {});
  await session.run({ ...plan, untilStep: 3_000 }, undefined, never);
  await atRest(session);
  const points = await pointsOf(session);
  const changes = points.filter(({ stage }, i) => i > 0 && stage !== points[i - 1]!.stage);
  expect(changes.length).toBeGreaterThan(0);
  const kept = session.snapshots.list().filter(({ kind }) => kind === "stage");
  expect(kept.map(({ step }) => step).reverse()).toEqual(changes.map(({ step }) => step));
});

test("with too little memory the session that was not used for longest sleeps, and comes back to the same bits", async () => {
  const registry = await restored(folder(), { limits: { maxStateBytes: 600_000 } });
  const first = await start(registry);
  await advance(first, 15);
  const digest = await digestOf(first);
  const others = [];
  while (first.training.isAwake) {
    others.push(await start(registry));
    expect(others.length).toBeLessThan(20);
  }
  expect(await digestOf(first)).toBe(digest);
  expect(first.training.isAwake).toBe(true);
  expect(others.some(({ training }) => !training.isAwake)).toBe(true);
  await advance(first, 1);
});
