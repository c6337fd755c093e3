import { createHash } from "node:crypto";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { completeSpec } from "../model/presets.ts";
import type { SpecInput } from "../model/spec-input.ts";
import { StoreError } from "../store/store.ts";
import { evaluate, score, spectrum, subject } from "./analysis.ts";
import type { RunPlan } from "./plan.ts";
import type { Registry } from "./registry.ts";
import type { Session } from "./session.ts";
import type { SessionRecord } from "./session-record.ts";
import { openTestRegistry, unrepeated } from "./testing/registry.ts";
import { watch } from "./watch.ts";

const never = new AbortController().signal;
const plan: RunPlan = { stopWhen: [], snapshotAt: [], recordEvery: 100, recordAt: [] };
const limits = {
  maxSessions: 4,
  maxQueuedCommands: 8,
  maxSnapshotsPerSession: 3,
  retainedProgressPoints: 50,
  maxStateBytes: 2 ** 28,
};
let registry: Registry;

beforeEach(async () => {
  registry = await openTestRegistry({ limits });
});

afterEach(async () => {
  await registry.shutDown();
  await registry.close();
});

const small: SpecInput = { modulus: 11, width: 32, split: { kind: "torch", fraction: 0.8 } };

function start(input: SpecInput = small, preset = "grokking"): Promise<Session> {
  const spec = completeSpec(input, preset);
  return registry.start({ spec, preset, labels: {}, engine: "auto", recordEvery: 100 });
}

const advance = (session: Session, steps: number, expectedStep?: number) =>
  session.advanceBy({ steps, expectedStep, receipt: unrepeated() }, never);

async function atRest(session: Session): Promise<void> {
  while (session.isTraining) await session.log.changed(1_000, never);
}

async function weightsOf(session: Session): Promise<string> {
  const { state } = await session.present(undefined, never);
  return createHash("sha256").update(state.theta).update(state.xi).digest("hex");
}

test("a session begins at step 0 with the state measured", async () => {
  const session = await start();
  expect(session.state).toBe("idle");
  expect(session.log.latest).toMatchObject({ sequence: 1, step: 0, stage: "memorization" });
  expect(session.log.latest!.ipr).toBeGreaterThan(1 / 5);
});

test("steps and runs of any cut reach the same bits, alone or beside another running session", async () => {
  const whole = await start();
  await advance(whole, 300);
  const other = await start({ ...small, seed: 7 });
  await other.run(plan, undefined, never);
  const cut = await start();
  await advance(cut, 1);
  await advance(cut, 49);
  await cut.run({ ...plan, untilStep: 200, recordEvery: 7, snapshotAt: [111] }, 50, never);
  await atRest(cut);
  await cut.snapshot({ expectedStep: undefined, label: "" }, never);
  for (let i = 0; i < 100; i++) await advance(cut, 1);
  await other.pause();
  expect(cut.step).toBe(300);
  expect(await weightsOf(cut)).toBe(await weightsOf(whole));
  expect(cut.log.latest!.trainLoss).toBe(whole.log.latest!.trainLoss);
});

test("a snapshot starts a session that goes on with the same bits", async () => {
  const session = await start();
  await advance(session, 40);
  const snapshot = await session.snapshot({ expectedStep: 40, label: "" }, never);
  await advance(session, 60);
  const { spec, state, train } = await session.readSnapshot(40);
  const again = await registry.start({
    spec,
    state,
    train,
    preset: "",
    labels: {},
    engine: "cpu",
    recordEvery: 100,
  });
  expect(again.step).toBe(40);
  await advance(again, 60);
  expect(await weightsOf(again)).toBe(await weightsOf(session));
  expect(await session.snapshot({ expectedStep: undefined, label: "" }, never)).not.toBe(snapshot);
  await expect(session.snapshot({ expectedStep: 3, label: "" }, never)).rejects.toMatchObject({
    reason: "STEP_MISMATCH",
  });
});

test("a run records, keeps snapshots, stops at its target and says so", async () => {
  const session = await start();
  await session.run({ ...plan, untilStep: 250, snapshotAt: [130], recordAt: [1, 2] }, 0, never);
  expect(session.state).toBe("running");
  await expect(advance(session, 1)).rejects.toMatchObject({ reason: "SESSION_STATE" });
  await atRest(session);
  expect(session.state).toBe("idle");
  expect(session.stopReason).toMatchObject({ kind: "target", step: 250 });
  expect(session.log.read(0, 100).map(({ step }) => step)).toEqual([0, 1, 2, 100, 130, 200, 250]);
  expect((await session.readSnapshot(130)).state.step).toBe(130);
  await expect(session.readSnapshot(131)).rejects.toThrow("130");
});

test("a run stops when a condition holds on a recorded step", async () => {
  const session = await start();
  const condition = {
    kind: "threshold",
    measure: "parameterNorm",
    comparison: ">=",
    value: 0,
    forRecorded: 3,
  } as const;
  await session.run({ ...plan, recordEvery: 10, stopWhen: [condition] }, undefined, never);
  await atRest(session);
  expect(session.stopReason).toMatchObject({ kind: "condition", step: 30 });
  expect(session.stopReason!.detail).toContain("parameter_norm >= 0");
});

test("pausing keeps the state reached, measured, and a run can go on", async () => {
  const session = await start();
  await session.run(plan, undefined, never);
  await session.log.changed(5_000, never);
  await session.pause();
  expect(session.state).toBe("paused");
  expect(session.log.latest!.step).toBe(session.step);
  await session.pause();
  const { step } = session;
  await session.run({ ...plan, untilStep: step + 5 }, step, never);
  await atRest(session);
  expect(session.step).toBe(step + 5);
});

test("a cancelled step keeps the steps made, and its repetition makes the rest", async () => {
  const session = await start({ ...small, width: 512 });
  const controller = new AbortController();
  const receipt = unrepeated();
  const step = session.advanceBy({ steps: 50_000, expectedStep: 0, receipt }, controller.signal);
  setTimeout(() => controller.abort(), 30);
  await expect(step).rejects.toMatchObject({ reason: "CANCELLED" });
  expect(session.state).toBe("idle");
  expect(session.step).toBeGreaterThan(0);
  expect(session.step).toBeLessThan(50_000);
  expect(receipt.memo).toEqual({ target: 50_000, left: session.step });
  receipt.memo.target = session.step + 3;
  const rest = await session.advanceBy({ steps: 50_000, expectedStep: 0, receipt }, never);
  expect(rest.step).toBe(receipt.memo.target);
});

test("a loss that diverges stops the session at its last good state; another activation goes on", async () => {
  const session = await start({
    ...small,
    activation: "x^8",
    optimizer: { kind: "sgd", learningRate: 1000 },
    init: { scale: 3 },
  });
  await session.run({ ...plan, untilStep: 10_000 }, undefined, never);
  await atRest(session);
  expect(session.state).toBe("diverged");
  expect(session.stopReason!.kind).toBe("diverged");
  expect(session.log.latest!.step).toBe(session.step);
  expect(Number.isFinite(session.log.latest!.trainLoss)).toBe(true);
  await expect(advance(session, 1)).rejects.toMatchObject({ reason: "SESSION_STATE" });
  await session.snapshot({ expectedStep: undefined, label: "" }, never);
  await session.swapActivation("identity", session.step, unrepeated(), never);
  expect(session.state).toBe("idle");
  expect(session.events).toMatchObject([{ kind: "activationSwapped", from: "x^8", to: "identity" }]);
});

test("analysis during a run sees one whole step and changes no bit", async () => {
  const undisturbed = await start();
  await advance(undisturbed, 400);
  const session = await start();
  await session.run({ ...plan, untilStep: 400 }, undefined, never);
  while (session.isTraining) {
    const network = await subject(registry, { session: session.name, step: undefined }, never);
    const { whole } = await evaluate(registry, network, true, never);
    const logged = session.log.read(0, 100).find(({ step }) => step === network.state.step);
    if (logged !== undefined) expect(whole.scores.trainLoss).toBeCloseTo(logged.trainLoss!, 5);
    await spectrum(registry, network, Uint32Array.of(3, 1), never);
    await score(registry, network, { activation: "exp" }, never);
  }
  expect(await weightsOf(session)).toBe(await weightsOf(undisturbed));
});

test("limits are kept: sessions, snapshots, memory", async () => {
  const session = await start();
  for (const step of [1, 2, 3]) {
    await advance(session, 1);
    expect((await session.snapshot({ expectedStep: step, label: "" }, never)).step).toBe(step);
  }
  await advance(session, 1);
  await expect(session.snapshot({ expectedStep: 4, label: "" }, never)).rejects.toMatchObject({
    reason: "TOO_MANY_SNAPSHOTS",
  });
  await expect(session.run({ ...plan, snapshotAt: [9] }, undefined, never)).rejects.toMatchObject({
    reason: "TOO_MANY_SNAPSHOTS",
  });
  await expect(start({ ...small, modulus: 199, width: 65_536 })).rejects.toMatchObject({
    reason: "OUT_OF_MEMORY",
  });
  await Promise.all([start(), start(), start()]);
  await expect(start()).rejects.toMatchObject({ reason: "TOO_MANY_SESSIONS" });
});

test("sessions that were begun together are listed newest first, whichever was made first", async () => {
  const slow = start({ modulus: 59, width: 2_048 });
  const quick = await start();
  const list = () => [...registry.list({ states: [], labels: {} }, Number.POSITIVE_INFINITY)];
  expect(list()).toEqual([quick]);
  const session = await slow;
  expect(session.identity.ordinal).toBeLessThan(quick.identity.ordinal);
  expect(list()).toEqual([quick, session]);
});

test("deleting a running session gives back all of its memory and ends who waits", async () => {
  const before = registry.memory.usedBytes;
  const session = await start();
  await session.run({ ...plan, snapshotAt: [1, 2] }, undefined, never);
  const events = watch(session, { from: 1, untilIdle: false }, never);
  const ended = (async () => {
    for await (const event of events) if (event.kind === "end") return event.reason;
    return undefined;
  })();
  while (session.log.newest < 3) await session.log.changed(1_000, never);
  await registry.delete(session.name);
  expect(await ended).toBe("deleted");
  expect(registry.memory.usedBytes).toBe(before);
  expect(() => registry.get(session.name)).toThrow("does not exist");
  await expect(advance(session, 1)).rejects.toMatchObject({ reason: "SESSION_DELETED" });
});

test("a session is deleted while its states still wait to be written", async () => {
  const defects: unknown[] = [];
  const note = (error: unknown) => defects.push(error);
  process.on("unhandledRejection", note);
  const session = await start();
  await advance(session, 100);
  // Each of these is a commit that the checkpoint waits behind.
  const updates = Array.from({ length: 50 }, (_, i) =>
    session.update({ setLabels: { i: `${i}` } }, never, () => {}),
  );
  await session.checkpoint();
  await registry.delete(session.name);
  await Promise.all(updates);
  await session.keeper.idle();
  process.off("unhandledRejection", note);
  expect(defects).toEqual([]);
});

test("a checkpoint whose turn comes when its session is being deleted has nothing to do, and is no defect", async () => {
  const session = await start();
  await advance(session, 100);
  expect(session.isDirty).toBe(true);
  // Has the trainer, so that the checkpoint waits for it.
  const present = session.present(undefined, never).catch(({ reason }) => reason);
  const checkpoint = session.checkpoint();
  const deleted = registry.delete(session.name);
  expect(await present).toBe("SESSION_DELETED");
  expect(await checkpoint).toBeUndefined();
  await deleted;
});

test("a watcher sees every retained point in order, a gap where they are gone, and the end", async () => {
  const session = await start();
  await session.run({ ...plan, recordEvery: 1, untilStep: 200 }, undefined, never);
  await atRest(session);
  const events = [];
  for await (const event of watch(session, { from: 1, untilIdle: true }, never)) events.push(event);
  expect(events[0]).toMatchObject({ kind: "opened", oldest: 152, newest: 201, epoch: session.epoch });
  expect(events[1]).toEqual({ kind: "gap", first: 1, last: 151 });
  const points = events.flatMap((event) => (event.kind === "batch" ? event.points : []));
  expect(points.map(({ sequence }) => sequence)).toEqual(Array.from({ length: 50 }, (_, i) => 152 + i));
  expect(events.at(-1)).toEqual({ kind: "end", reason: "idle", newest: 201 });
});

test("a watcher of another epoch starts at the oldest retained point", async () => {
  const session = await start();
  await advance(session, 150);
  const events = [];
  const options = { from: 99, epoch: "another", untilIdle: true };
  for await (const event of watch(session, options, never)) events.push(event);
  expect(events[1]).toMatchObject({
    kind: "batch",
    points: [{ sequence: 1 }, { sequence: 2 }, { sequence: 3 }],
  });
});

test("shutting down stops runs at a whole step, ends watchers and refuses new work", async () => {
  const session = await start();
  await session.run(plan, undefined, never);
  const events = watch(session, { untilIdle: false }, never);
  await events.next();
  await registry.shutDown();
  const kinds = [];
  for await (const event of events) kinds.push(event);
  expect(kinds.at(-1)).toMatchObject({ kind: "end", reason: "shutdown" });
  expect(session.stopReason!.kind).toBe("shutdown");
  await expect(start()).rejects.toMatchObject({ reason: "SHUTTING_DOWN" });
});

test("a full queue of callers does not take a session's own work its place", async () => {
  const session = await start({ ...small, width: 256 });
  await session.run({ ...plan, recordEvery: 5, untilStep: 400, snapshotAt: [100, 200] }, undefined, never);
  const callers: Promise<unknown>[] = [];
  while (session.isTraining) {
    callers.push(
      ...Array.from({ length: 12 }, () => session.present(undefined, never).catch((error) => error.reason)),
    );
    await new Promise((resolve) => setTimeout(resolve, 1));
  }
  const refused = (await Promise.all(callers)).filter((reason) => reason === "QUEUE_FULL");
  expect(refused.length).toBeGreaterThan(0);
  expect(session.stopReason).toMatchObject({ kind: "target", step: 400 });
  expect((await session.readSnapshot(200)).state.step).toBe(200);
});

test("a store that is full doesn't stop training; it says so until there is space again", async () => {
  const full = await openTestRegistry({ maxEphemeralBytes: 2 ** 20, checkpointEveryMs: 20 });
  try {
    const spec = completeSpec({ ...small, width: 1_024 }, "grokking");
    const input = { spec, preset: "", labels: {}, engine: "", recordEvery: 100 };
    const session = await full.start(input);
    await session.run(
      { ...plan, untilStep: 300, snapshotAt: [100, 110, 120, 130, 140, 150] },
      undefined,
      never,
    );
    await atRest(session);
    expect(session.stopReason).toMatchObject({ kind: "target", step: 300 });
    await session.atRest;
    expect(session.keeper.alarm).toContain("could not be stored");
    // The next server, which would find an earlier state, would have the run to do.
    const planOf = (one: Session) =>
      (one.row(one.keeper.committed!, undefined).body as SessionRecord).intent.plan;
    expect(planOf(session)).toMatchObject({ untilStep: 300 });
    expect(full.storageAlarm).toBe(session.keeper.alarm);
    const kept = session.snapshots.list();
    expect(kept.length).toBeLessThan(6);
    expect((await session.readSnapshot(100)).state.step).toBe(100);
    await expect(full.start(input)).rejects.toMatchObject({ reason: "STORAGE_FULL" });
    for (const { step } of kept) await session.deleteSnapshot(step);
    await session.checkpoint();
    await session.keeper.idle();
    expect(session.keeper).toMatchObject({ alarm: "", committed: { step: 300 } });
    expect(planOf(session)).toBeUndefined();
  } finally {
    await full.shutDown();
    await full.close();
  }
});

test("that the store is full is known where no session is, until something can be stored", async () => {
  const full = await openTestRegistry({ threads: 1, maxEphemeralBytes: 2 ** 20 });
  try {
    const input = { preset: "", labels: {}, engine: "", recordEvery: 100 };
    const large = completeSpec({ ...small, width: 16_384 }, "grokking");
    await expect(full.start({ ...input, spec: large })).rejects.toMatchObject({ reason: "STORAGE_FULL" });
    expect([...full.all()]).toEqual([]);
    expect(full.storageAlarm).toContain("could not be stored");
    await full.start({ ...input, spec: completeSpec(small, "grokking") });
    expect(full.storageAlarm).toBe("");
  } finally {
    await full.shutDown();
    await full.close();
  }
});

test("what the store lacks in the end is known: what could not be stored, and what could not be removed", async () => {
  const full = await openTestRegistry({ threads: 1, checkpointEveryMs: 3_600_000 });
  const spec = completeSpec(small, "grokking");
  const input = { spec, preset: "", labels: {}, engine: "", recordEvery: 100 };
  const [whole, ahead, deleted] = [await full.start(input), await full.start(input), await full.start(input)];
  await advance(whole, 5);
  await whole.checkpoint();
  await whole.keeper.idle();
  await advance(ahead, 5);
  const commit = vi.spyOn(full.store, "commit").mockRejectedValue(new StoreError("FULL", "the disk is full"));
  await expect(full.delete(deleted.name)).rejects.toMatchObject({ reason: "STORAGE_FULL" });
  await full.shutDown();
  expect(full.unstored).toEqual([ahead, deleted]);
  expect(ahead).toMatchObject({ step: 5, keeper: { committed: { step: 0 } } });
  commit.mockRestore();
  await full.close();
});

test("settings that can't be stored are not kept", async () => {
  const full = await openTestRegistry({ threads: 1, maxEphemeralBytes: 2 ** 20 });
  try {
    const spec = completeSpec(small, "grokking");
    const session = await full.start({ spec, preset: "", labels: { a: "b" }, engine: "", recordEvery: 100 });
    const huge = "x".repeat(2 ** 21);
    const schedule = { everySteps: 10, powersOfTwo: false, atSteps: [], atStageChanges: false, retain: 1 };
    const change = { setLabels: { huge }, schedule };
    const refused = { reason: "STORAGE_FULL" };
    await expect(session.update(change, never, () => {})).rejects.toMatchObject(refused);
    expect(session.labels).toEqual({ a: "b" });
    expect(session.schedule).toBeUndefined();
    const when = {
      kind: "threshold",
      measure: "parameterNorm",
      comparison: ">=",
      value: 0,
      forRecorded: 1,
    } as const;
    const trigger = { name: "t", when, action: { kind: "snapshot", label: huge }, repeat: false } as const;
    await expect(session.setTriggers([trigger], never, () => {})).rejects.toMatchObject(refused);
    expect(session.triggers.all).toEqual([]);
  } finally {
    await full.shutDown();
    await full.close();
  }
});

test("a session that trains can't go back to a snapshot, and goes on as if it had not been asked", async () => {
  const spec = completeSpec(small, "grokking");
  const session = await registry.start({ spec, preset: "", labels: {}, engine: "", recordEvery: 100 });
  await session.snapshot({ expectedStep: 0, label: "" }, never);
  const { epoch } = session;
  await session.run({ ...plan, untilStep: 1_000_000 }, undefined, never);
  while (session.step === 0) await session.log.changed(10, never);
  const before = session.step;
  await expect(session.restoreSnapshot(0, undefined, unrepeated(), never)).rejects.toMatchObject({
    reason: "SESSION_STATE",
  });
  expect(session.step).toBeGreaterThanOrEqual(before);
  await session.pause();
  expect(session).toMatchObject({ epoch, state: "paused" });
});

test("an analysis that fails is an error of its call, and the next one works", async () => {
  await expect(registry.analyst.run("drawSplit", 1e9, undefined as never)).rejects.toThrow();
  const { theta } = await registry.analyst.run("initialState", 1e9, completeSpec({ modulus: 5, width: 8 }));
  expect(theta).toHaveLength(40);
});

test("an analysis that was given up fails at once, and one that waits behind it is done in its place", async () => {
  const gone = new AbortController();
  const cost = { operations: 1e9, signal: gone.signal };
  const spec = completeSpec({ modulus: 97, width: 9_107 });
  const given = [1, 2, 3, 4].map(() => registry.analyst.run("initialState", cost, spec));
  const small = registry.analyst.run("initialState", 1e9, completeSpec({ modulus: 5, width: 8 }));
  gone.abort();
  const ended: string[] = [];
  await Promise.all([
    ...given.map((call) =>
      expect(call)
        .rejects.toMatchObject({ reason: "CANCELLED" })
        .then(() => ended.push("given up")),
    ),
    small.then(({ theta }) => ended.push(`${theta.length}`)),
  ]);
  expect(ended).toEqual([...Array(4).fill("given up"), "40"]);
  await expect(registry.analyst.run("initialState", cost, spec)).rejects.toMatchObject({
    reason: "CANCELLED",
  });
});
