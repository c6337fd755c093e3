import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { setTimeout as pause } from "node:timers/promises";
import fc from "fast-check";
import { expect, test, vi } from "vitest";
import { completeSpec } from "../model/presets.ts";
import { storeFile } from "../store/database.ts";
import type { ProgressPoint } from "./progress-log.ts";
import { Receipt } from "./receipt.ts";
import type { Session } from "./session.ts";
import { unrepeated } from "./testing/registry.ts";
import {
  advance,
  atRest,
  crash,
  far,
  fillUp,
  folder,
  hasState,
  keep,
  never,
  norm,
  plan,
  recordEvery,
  restored,
  shut,
  start,
  stepsOf,
} from "./testing/restarts.ts";
import type { Trigger } from "./triggers.ts";

// What a session is after a crash, a restoration, a full schedule: each a defect once.

test("a run stops, and its triggers fire, at the same steps however often it is checkpointed", async () => {
  const ends = [];
  for (const checkpointEveryMs of [20, 3_600_000]) {
    const registry = await restored(folder(), { checkpointEveryMs });
    const spec = completeSpec({ modulus: 23, width: 128 }, "grokking");
    const session = await registry.start({ spec, preset: "", labels: {}, engine: "", recordEvery });
    const when = { ...norm, forRecorded: 150 };
    await session.setTriggers([{ name: "keep", when, action: keep, repeat: false }], never, () => {});
    const stopWhen = [{ ...norm, forRecorded: 300 }];
    await session.run({ ...plan, stopWhen, untilStep: 100_000 }, undefined, never);
    await atRest(session);
    ends.push([session.step, session.snapshots.list().map(({ step }) => step)]);
  }
  expect(ends[0]).toEqual([1_500, [750]]);
  expect(ends[1]).toEqual(ends[0]);
});

test("an answer is stored with the state that it tells of, never before it", async () => {
  const registry = await restored(folder());
  const session = await start(registry);
  const receipt = new Receipt("once", "body", "Step");
  session.keeper.attach(receipt);
  await advance(session, 25, receipt);
  receipt.respond(Buffer.from("at step 25"));
  session.keeper.detach(receipt);
  await session.update({ setLabels: { new: "label" } }, never, () => {});

  const after = await crash(registry);
  const again = after.get(session.name);
  expect(again).toMatchObject({ step: 0, labels: { new: "label" } });
  const key = { requestId: "once", fingerprint: "body", method: "Step" };
  const answer = await after.answers.once(key, never, async (found) => {
    await advance(again, 25, found);
    return Buffer.from("again");
  });
  expect(Buffer.from(answer).toString()).toBe("again");
  expect(again.step).toBe(25);

  await session.checkpoint();
  await session.keeper.idle();
  const later = await crash(registry);
  expect(later.get(session.name).step).toBe(25);
  const stored = await later.answers.once(key, never, () => expect.unreachable("done twice"));
  expect(Buffer.from(stored).toString()).toBe("at step 25");
});

test("a call that two servers' ends cut short is done once, and its answer found after a third", async () => {
  let registry = await restored(folder());
  const { name } = await start(registry);
  const key = { requestId: "once", fingerprint: "body", method: "Step" };
  const receipt = new Receipt("once", "body", "Step");
  registry.get(name).keeper.attach(receipt);
  await advance(registry.get(name), 25, receipt);
  await registry.get(name).checkpoint();
  await registry.get(name).keeper.idle();

  for (const say of ["an answer", "not asked"]) {
    registry = await crash(registry);
    const session = registry.get(name);
    const answer = await registry.answers.once(key, never, async (found) => {
      session.keeper.attach(found);
      await advance(session, 25, found);
      found.respond(Buffer.from(say));
      session.keeper.detach(found);
      return Buffer.from(say);
    });
    expect(Buffer.from(answer).toString()).toBe("an answer");
    expect(session.step).toBe(25);
    await session.checkpoint();
    await session.keeper.idle();
  }
});

test("a Step that was to begin somewhere and is cut short twice, the second time by a crash, is finished", async () => {
  let registry = await restored(folder());
  const { name } = await start(registry, { modulus: 23, width: 128 });
  const key = { requestId: "once", fingerprint: "body", method: "Step" };
  const attempt = (steps: number, signal: AbortSignal) =>
    registry.answers.once(key, signal, async (receipt) => {
      const session = registry.get(name);
      session.keeper.attach(receipt);
      try {
        await session.advanceBy({ steps, expectedStep: 0, receipt }, signal);
      } finally {
        session.keeper.detach(receipt);
      }
      return Buffer.from("an answer");
    });
  const first = new AbortController();
  const second = new AbortController();
  for (const leave of [first, second]) {
    const before = registry.get(name).step;
    const cut = attempt(20_000, leave.signal).catch(({ reason }) => reason);
    while (registry.get(name).step <= before) await pause(1);
    if (leave === first) {
      leave.abort();
      expect(await cut).toBe("CANCELLED");
      continue;
    }
    await registry.get(name).checkpoint();
    await registry.get(name).keeper.idle();
    const after = await crash(registry);
    leave.abort();
    await cut;
    registry = after;
  }
  expect(registry.get(name).step).toBeLessThan(20_000);
  await attempt(20_000, never);
  expect(registry.get(name).step).toBe(20_000);
});

test("a session that goes back to a snapshot while it is asked for other things goes on from there, or was refused to and has not moved", async () => {
  const registry = await restored(folder());
  const beginnings = {
    run: (session: Session) => session.run(plan, undefined, never),
    "run from where it was": (session: Session) => session.run(plan, 40, never),
    step: (session: Session) => advance(session, 10),
    "step from where it was": (session: Session) =>
      session.advanceBy({ steps: 10, expectedStep: 40, receipt: unrepeated() }, never),
    swap: (session: Session) => session.swapActivation("gelu", undefined, unrepeated(), never),
    back: (session: Session) => session.restoreSnapshot(20, undefined, unrepeated(), never),
  };
  const when = fc.record({
    begin: fc.constantFrom(...(Object.keys(beginnings) as (keyof typeof beginnings)[])),
    turns: fc.nat(12),
  });
  const outcomes = new Set<string>();
  const holds = fc.asyncProperty(
    fc.nat(3),
    fc.array(when, { minLength: 1, maxLength: 2 }),
    async (late, others) => {
      const session = await start(registry);
      for (const step of [20, 40]) {
        await advance(session, 20);
        await session.snapshot({ expectedStep: step, label: "" }, never);
      }
      const { epoch } = session;
      const soon = async (turns: number, begin: (session: Session) => Promise<unknown>) => {
        for (let i = 0; i < turns; i++) await new Promise(setImmediate);
        await begin(session);
      };
      const [backwards, ...rest] = await Promise.allSettled([
        soon(late, beginnings.back),
        ...others.map(({ begin, turns }) => soon(turns, beginnings[begin])),
      ]);
      await atRest(session);
      for (const [i, { begin }] of others.entries()) outcomes.add(`${begin} ${rest[i]!.status}`);
      for (const outcome of [backwards!, ...rest]) {
        if (outcome.status === "rejected")
          expect(outcome.reason.reason).toMatch(
            /^(SESSION_STATE|STEP_MISMATCH|SNAPSHOT_EXISTS|INVALID_FIELD)$/,
          );
      }
      const wentBack = session.events.some(({ kind }) => kind === "snapshotRestored");
      expect(session.epoch !== epoch).toBe(wentBack);
      if (others.every(({ begin }) => begin !== "back"))
        expect(backwards!.status === "fulfilled").toBe(wentBack);
      if (backwards!.status === "fulfilled") outcomes.add("went back");
      const steps = await stepsOf(session);
      expect(steps).toEqual(steps.toSorted((a, b) => a - b));
      // What is durable is whole.
      await session
        .snapshot({ expectedStep: session.step, label: "" }, never)
        .catch(({ reason }) => expect(reason).toBe("SNAPSHOT_EXISTS"));
      await session.update({ setLabels: { new: "label" } }, never, () => {});
      await session.checkpoint();
      await session.keeper.idle();
      expect(session.keeper.alarm).toBe("");
      expect(session.isDirty).toBe(false);
      const stored = (await registry.store.readProgress(session.id)).map(
        ({ firstSequence, count }) => firstSequence + count - 1,
      );
      expect(stored.at(-1)).toBe(session.log.newest);
    },
  );
  await fc.assert(holds, { numRuns: process.env.LONG_TESTS ? 500 : 40 });
  expect([...outcomes]).toEqual(expect.arrayContaining(["went back", "run fulfilled", "step fulfilled"]));
});

test("points in the store that are not of the session's course don't keep it from being stored", async () => {
  let registry = await restored(folder());
  const session = await start(registry);
  await advance(session, 20);
  await session.checkpoint();
  await session.keeper.idle();
  const { newest } = session.log;
  const [row] = await registry.store.readProgress(session.id);
  const data = row!.data.slice(0, row!.data.length / row!.count);
  await registry.store.commit({
    appendProgress: [{ session: session.id, firstSequence: newest + 1, count: 1, data }],
  });
  registry = await crash(registry);
  const again = registry.get(session.name);
  await advance(again, 10);
  await again.snapshot({ expectedStep: 30, label: "" }, never);
  registry = await crash(registry);
  expect(await stepsOf(registry.get(session.name))).toEqual(await stepsOf(again));
});

test("what a fork is told of at its source is stored with the fork", async () => {
  const registry = await restored(folder());
  const session = await start(registry);
  await advance(session, 10);
  await session.snapshot({ expectedStep: 10, label: "" }, never);
  const changes = { spec: {}, removeFrequencies: [], keepFrequencies: [] };
  const fork = await registry.fork(session, 10, { labels: {}, engine: "", changes });
  const forked = [{ kind: "sessionForked", step: 10, session: fork.name }];
  expect(session.events).toMatchObject(forked);
  const after = await crash(registry);
  expect(after.get(session.name).events).toMatchObject(forked);
  expect(after.get(session.name).snapshots.get(10).forks).toBe(1);
});

test("a session that was paused stays so after a crash, whatever is set of it and however it is stepped on", async () => {
  let registry = await restored(folder());
  const { name } = await start(registry);
  await registry.get(name).run({ ...plan, untilStep: 10_000_000 }, undefined, never);
  await registry.get(name).pause();
  const { step } = registry.get(name);
  const label = async () => {
    const session = registry.get(name);
    const receipt = new Receipt(`label ${session.step}`, "body", "UpdateSession");
    session.keeper.attach(receipt);
    await session.update({ setLabels: { new: "label" } }, never, () => receipt.respond(Buffer.from("done")));
    session.keeper.detach(receipt);
  };
  await label();
  registry = await crash(registry);
  expect(registry.get(name)).toMatchObject({ state: "paused", step });
  await advance(registry.get(name), 10);
  await label();
  registry = await crash(registry);
  expect(registry.get(name)).toMatchObject({ isTraining: false, step });
});

test("a run that ended before its trainer was awake does not begin again at the next start", async () => {
  const directory = folder();
  let registry = await restored(directory);
  const [failed, paused] = [await start(registry, { modulus: 23, width: 512 }), await start(registry)];
  await failed.run(far, undefined, never);
  // For what it must read of before.
  await paused.run({ ...far, stopWhen: [{ ...norm, value: 1e9, forRecorded: 1 }] }, undefined, never);
  await shut(registry);
  registry = await restored(directory, { limits: { retainedProgressPoints: 1_000, maxStateBytes: 250_000 } });
  await registry.get(paused.name).pause();
  await registry.get(failed.name).atRest;
  expect(registry.get(failed.name)).toMatchObject({
    isTraining: false,
    stopReason: { cause: "OUT_OF_MEMORY" },
  });
  for (const { name } of [failed, paused])
    await registry.get(name).update({ setLabels: { new: "label" } }, never, () => {});
  await shut(registry);
  registry = await restored(directory);
  expect(registry.get(failed.name).isTraining).toBe(false);
  expect(registry.get(paused.name).state).toBe("paused");
});

test("a run for which there is no memory is refused, and is not taken up after a step and a crash", async () => {
  const limits = { retainedProgressPoints: 1_000, maxStateBytes: 200_000 };
  const registry = await restored(folder(), { limits });
  const session = await start(registry);
  const other = await start(registry);
  await other.run(far, undefined, never);
  expect(session.training.isAwake).toBe(false);
  const before = { state: session.state, step: 0, stopReason: undefined, left: undefined };
  await expect(session.run(far, undefined, never)).rejects.toMatchObject({ reason: "OUT_OF_MEMORY" });
  const { state, step, stopReason, plan: left, isQuiet } = session;
  expect({ state, step, stopReason, left, isQuiet }).toEqual({ ...before, isQuiet: true });
  await registry.delete(other.name);
  await advance(session, 10);
  await session.update({ setLabels: { new: "label" } }, never, () => {});
  expect((await crash(registry)).get(session.name).isTraining).toBe(false);
});

test("a state that was taken before a run's end and stored after it leaves the run to do", async () => {
  const registry = await restored(folder());
  const session = await start(registry);
  await session.run({ ...plan, untilStep: 20_000 }, undefined, never);
  const { promise, resolve } = Promise.withResolvers<void>();
  const held = session.keeper.between((committed) => promise.then(() => committed));
  while (session.step < 50) await new Promise(setImmediate);
  await session.checkpoint();
  while (session.isTraining) await new Promise(setImmediate);
  let isFirst = true;
  fillUp(registry, (unit) => {
    if (!hasState(unit) || isFirst) isFirst &&= !hasState(unit);
    else return true;
    return false;
  });
  resolve();
  await held;
  await session.atRest;
  expect(session.keeper.committed!.step).toBeLessThan(20_000);
  const again = (await crash(registry)).get(session.name);
  expect(again.isTraining || again.step === 20_000).toBe(true);
});

test("a session whose last point is not stored is not taken for one that is", async () => {
  const registry = await restored(folder());
  const session = await start(registry, undefined, 1_000_000_000);
  const stop = new AbortController();
  const request = { steps: 100_000_000, expectedStep: undefined, receipt: unrepeated() };
  const step = session.advanceBy(request, stop.signal).catch(({ reason }) => reason);
  while (session.step < 500) await new Promise(setImmediate);
  // It has the trainer first, so that the step recorded at the end is the one that it takes.
  const checkpointed = session.checkpoint();
  stop.abort();
  expect(await step).toBe("CANCELLED");
  await checkpointed;
  await session.keeper.idle();
  const steps = await stepsOf(session);
  expect(steps.at(-1)).toBe(session.step);
  expect(await session.sleep()).toBe(true);
  expect(await stepsOf(session)).toEqual(steps);
  expect(await stepsOf((await crash(registry)).get(session.name))).toEqual(steps);
});

test("a return that was made already is answered while the session trains on", async () => {
  const registry = await restored(folder());
  const session = await start(registry);
  await session.snapshot({ expectedStep: 0, label: "" }, never);
  await advance(session, 10);
  const receipt = new Receipt("once", "body", "RestoreSnapshot");
  await session.restoreSnapshot(0, 10, receipt, never);
  const stop = new AbortController();
  const request = { steps: 100_000_000, expectedStep: undefined, receipt: unrepeated() };
  const step = session.advanceBy(request, stop.signal).catch(({ reason }) => reason);
  while (session.step < 100) await new Promise(setImmediate);
  await session.restoreSnapshot(0, 10, receipt, never);
  expect(session.isTraining).toBe(true);
  stop.abort();
  expect(await step).toBe("CANCELLED");
});

test("a fork that is made while its source is being stored leaves that as it was stored last", async () => {
  const registry = await restored(folder());
  const session = await start(registry);
  await session.snapshot({ expectedStep: 0, label: "" }, never);
  const changes = { spec: {}, removeFrequencies: [], keepFrequencies: [] };
  for (let i = 0; i < 10; i++) {
    const forking = registry.fork(session, 0, { labels: {}, engine: "", changes });
    for (let turns = 0; turns < 2 * i; turns++) await new Promise(setImmediate);
    await advance(session, 10);
    await Promise.all([forking, session.checkpoint()]);
    await session.keeper.idle();
    const row = (await registry.store.load()).sessions.find(({ id }) => id === session.id);
    expect(row!.step).toBe(session.keeper.committed!.step);
    expect((await registry.store.readHead(session.id)).step).toBe(row!.step);
  }
});

test("a snapshot keeps what its triggers had counted then, whatever they count later", async () => {
  const registry = await restored(folder());
  const session = await start(registry);
  const when = { ...norm, forRecorded: 4 };
  await session.setTriggers([{ name: "keep", when, action: keep, repeat: false }], never, () => {});
  await advance(session, 10);
  const then = session.triggers.memoryOf("keep");
  expect(then).toMatchObject({ fired: 0, held: 2 });
  await session.snapshot({ expectedStep: 10, label: "" }, never);
  await advance(session, 30);
  expect(session.triggers.memoryOf("keep").fired).toBe(1);
  await session.restoreSnapshot(10, 40, unrepeated(), never);
  expect(session.triggers.memoryOf("keep")).toEqual(then);
  await advance(session, 30);
  expect(session.triggers.memoryOf("keep")).toMatchObject({ fired: 1, lastFiredStep: 20 });
});

test("back on the branch that was left before, the log has no points of the other one", async () => {
  const registry = await restored(folder());
  const session = await start(registry);
  await advance(session, 10);
  await session.snapshot({ expectedStep: 10, label: "" }, never);
  await advance(session, 20);
  await session.snapshot({ expectedStep: 30, label: "" }, never);
  await session.restoreSnapshot(10, 30, unrepeated(), never);
  await session.swapActivation("gelu", 10, unrepeated(), never);
  await advance(session, 40);
  await session.restoreSnapshot(30, 50, unrepeated(), never);
  // The end of a job records its step once more.
  expect([...new Set(await stepsOf(session))]).toEqual([0, 5, 10, 30]);
});

test("with the day's time set back, checkpoints go on, and a log goes back to the branch that it is asked for", async () => {
  const registry = await restored(folder(), { checkpointEveryMs: 20 });
  const session = await start(registry);
  for (let step = 10; step <= 20; step += 10) {
    await advance(session, 10);
    await session.snapshot({ expectedStep: step, label: "" }, never);
  }
  const seen = await session.withLog((log) => log.read(1, 100));
  const now = Date.now();
  vi.spyOn(Date, "now").mockImplementation(() => now - 3_600_000);
  try {
    await session.restoreSnapshot(10, 20, unrepeated(), never);
    await session.swapActivation("gelu", 10, unrepeated(), never);
    await advance(session, 5);
    await session.restoreSnapshot(20, 15, unrepeated(), never);
    const points = await session.withLog((log) => log.read(1, 100));
    const isOf = (point: ProgressPoint) =>
      seen.some(({ step, trainLoss }) => step === point.step && trainLoss === point.trainLoss);
    expect(points.filter((point) => !isOf(point))).toEqual([]);
    await advance(session, 10);
    await expect.poll(() => session.keeper.committed!.step).toBe(session.step);
  } finally {
    vi.restoreAllMocks();
  }
});

test("a session that wakes while its history is read trains on, with every point", async () => {
  const directory = folder();
  let registry = await restored(directory);
  const names = [];
  for (let i = 0; i < 8; i++) {
    const session = await start(registry, undefined, 1);
    await advance(session, 20);
    names.push(session.name);
  }
  await shut(registry);
  registry = await restored(directory);
  for (const name of names) {
    const session = registry.get(name);
    let isDone = false;
    const readers = Array.from({ length: 3 }, async () => {
      while (!isDone) await stepsOf(session).then(() => new Promise(setImmediate));
    });
    await advance(session, 5).finally(() => {
      isDone = true;
    });
    await Promise.all(readers);
    expect(await stepsOf(session)).toEqual(Array.from({ length: 26 }, (_, step) => step));
  }
});

test("a snapshot that a fork is being made of does not expire, and does afterwards", async () => {
  const registry = await restored(folder());
  const session = await start(registry);
  const schedule = { everySteps: 10, powersOfTwo: false, atSteps: [], atStageChanges: false, retain: 1 };
  await session.update({ schedule }, never, () => {});
  await advance(session, 10);
  const forking = await session.forking(10);
  await advance(session, 20);
  expect(session.snapshots.list().map(({ step }) => step)).toEqual([30, 10]);
  forking.release();
  await advance(session, 10);
  expect(session.snapshots.list().map(({ step }) => step)).toEqual([40]);
});

test("of scheduled snapshots those that were made last stay, after a return to an earlier step too", async () => {
  const registry = await restored(folder());
  const session = await start(registry);
  const schedule = { everySteps: 10, powersOfTwo: false, atSteps: [], atStageChanges: false, retain: 3 };
  await session.snapshot({ expectedStep: 0, label: "" }, never);
  await session.update({ schedule }, never, () => {});
  await advance(session, 100);
  await session.restoreSnapshot(0, undefined, unrepeated(), never);
  await session.swapActivation("gelu", undefined, unrepeated(), never);
  await advance(session, 55);
  const kept = session.snapshots.list().map(({ step, head }) => [step, head.spec.activation]);
  expect(kept.filter(([step]) => step !== 0)).toEqual([
    [50, "gelu"],
    [40, "gelu"],
    [30, "gelu"],
  ]);
});

test("a trigger that takes the place of one that has fired is armed, after a restart and a return too", async () => {
  const directory = folder();
  const registry = await restored(directory);
  const session = await start(registry);
  const first = {
    name: "same name",
    when: { ...norm, forRecorded: 1 },
    action: keep,
    repeat: false,
  } as const;
  const other = { ...first, action: { kind: "pause" } } as const;
  const set = (triggers: readonly Trigger[]) => session.setTriggers(triggers, never, () => {});
  await set([first]);
  await advance(session, 10);
  await session.snapshot({ expectedStep: 10, label: "" }, never);
  expect(session.triggers.memoryOf("same name").fired).toBe(1);
  await set([first]);
  expect(session.triggers.armed).toBe(false);
  // Another one, and the same one set anew.
  for (const triggers of [[other], [], [other]]) await set(triggers);
  const expectArmed = ({ triggers }: Session) => {
    expect(triggers.memoryOf("same name").fired).toBe(0);
    expect(triggers.armed).toBe(true);
  };
  expectArmed(session);
  await session.restoreSnapshot(10, undefined, unrepeated(), never);
  expectArmed(session);
  await shut(registry);
  const again = (await restored(directory)).get(session.name);
  expectArmed(again);
  await again.run({ ...plan, untilStep: 60 }, undefined, never);
  await atRest(again);
  expect(again.stopReason).toMatchObject({ kind: "paused", step: 15 });
});

test("triggers that cannot be stored leave those that there were, with what they have counted", async () => {
  const registry = await restored(folder());
  const session = await start(registry);
  const when = { ...norm, forRecorded: 1 };
  await session.setTriggers([{ name: "keep", when, action: keep, repeat: false }], never, () => {});
  await advance(session, 10);
  const before = [session.triggers.all, session.triggers.memory];
  fillUp(registry, () => true);
  await expect(session.setTriggers([], never, () => {})).rejects.toMatchObject({ reason: "STORAGE_FULL" });
  expect([session.triggers.all, session.triggers.memory]).toEqual(before);
  expect(session.triggers.armed).toBe(false);
  vi.restoreAllMocks();
});

test("a trigger that forks where the plan keeps a snapshot has forked once, also after a crash", async () => {
  const registry = await restored(folder());
  const session = await start(registry);
  const changes = { spec: {}, removeFrequencies: [], keepFrequencies: [] };
  const action = { kind: "fork", changes, labels: {} } as const;
  const when = { ...norm, forRecorded: 1 };
  await session.setTriggers([{ name: "fork", when, action, repeat: false }], never, () => {});
  await session.run({ ...far, snapshotAt: [5] }, undefined, never);
  while ([...registry.all()].length < 2) await session.log.changed(1_000, never);
  await session.keeper.idle();
  const after = await crash(registry);
  await session.pause();
  // It is back at that step, and goes on.
  const again = after.get(session.name);
  while (again.step < 100) await again.log.changed(1_000, never);
  await again.pause();
  expect([...after.all()]).toHaveLength(2);
});

test("a return to the step that a session is at loses no other state, and takes a swap back", async () => {
  const registry = await restored(folder());
  const session = await start(registry);
  const back = (step: number) => session.restoreSnapshot(step, undefined, unrepeated(), never);
  await session.snapshot({ expectedStep: 0, label: "" }, never);
  await advance(session, 50);
  await session.snapshot({ expectedStep: 50, label: "" }, never);
  await session.swapActivation("gelu", undefined, unrepeated(), never);
  await back(50);
  expect(session.spec.activation).toBe("relu");
  await back(0);
  await session.swapActivation("gelu", undefined, unrepeated(), never);
  await advance(session, 50);
  const { state } = await session.present(undefined, never);
  await expect(back(50)).rejects.toMatchObject({ reason: "SNAPSHOT_EXISTS" });
  expect(session).toMatchObject({ step: 50, state: "idle", spec: { activation: "gelu" } });
  expect((await session.present(undefined, never)).state).toEqual(state);
  await advance(session, 1);
  await back(50);
  expect(session.spec.activation).toBe("relu");
  expect(session.snapshots.get(51).head.spec.activation).toBe("gelu");
});

test("a stage that has ended is kept a snapshot of at the next recorded step, whatever is set before, and after a crash", async () => {
  const registry = await restored(folder());
  const schedule = {
    powersOfTwo: false,
    atSteps: [],
    atStageChanges: true,
    retain: 3,
  };
  const split = { kind: "torch", fraction: 0.4, seed: 1 } as const;
  const spec = completeSpec({ modulus: 11, width: 128, split }, "grokking");
  const session = await registry.start({
    spec,
    preset: "",
    labels: {},
    engine: "",
    schedule,
    recordEvery: 20_000,
  });
  const run = { ...plan, recordEvery: 20_000, untilStep: 20_000 };
  await session.run(run, undefined, never);
  while (session.training.stages.memorizationEnd === undefined) await pause(1);
  await session.update({ setLabels: { note: "memorized" } }, never, () => {});
  await session.checkpoint();
  await session.keeper.idle();
  expect(session.keeper.committed!.step).toBeLessThan(20_000);
  const after = (await crash(registry)).get(session.name);
  for (const each of [session, after]) {
    await atRest(each);
    expect(each.snapshots.list()).toMatchObject([{ step: 20_000, kind: "stage" }]);
  }
});

test("an answer that is asked for again, of a session that sleeps, is stored once", async () => {
  const registry = await restored(folder());
  const session = await start(registry);
  const receipt = new Receipt("once", "body", "Step");
  session.keeper.attach(receipt);
  const leave = new AbortController();
  const cut = session.advanceBy({ steps: 1_000, expectedStep: undefined, receipt }, leave.signal);
  while (session.step === 0) await pause(1);
  leave.abort();
  await expect(cut).rejects.toMatchObject({ reason: "CANCELLED" });
  session.keeper.detach(receipt);
  await advance(session, 1_000);
  expect(await session.sleep()).toBe(true);
  session.keeper.attach(receipt);
  await advance(session, 1_000, receipt);
  receipt.respond(Buffer.from("an answer"));
  session.keeper.detach(receipt);
  expect(session.isDirty).toBe(true);
  await session.checkpoint();
  expect(session.isDirty).toBe(false);
  const key = { requestId: "once", fingerprint: "body", method: "Step" };
  const found = await (await crash(registry)).answers.once(key, never, () =>
    expect.unreachable("done twice"),
  );
  expect(Buffer.from(found).toString()).toBe("an answer");
});

test("a deletion that the end of the server cut short is done at the next start", async () => {
  const directory = folder();
  let registry = await restored(directory);
  const [session, other] = [await start(registry), await start(registry)];
  const row = session.row(session.keeper.committed!, undefined);
  const { store } = registry;
  const body = row.body as { intent: object };
  const deleted = {
    ...row,
    state: "deleted",
    body: { ...body, intent: { ...body.intent, state: "deleted" } },
  };
  await store.commit({ putSessions: [deleted] });
  registry = await crash(registry);
  expect([...registry.all()].map(({ name }) => name)).toEqual([other.name]);
  const { sessions } = await registry.store.load();
  expect(sessions.map(({ id }) => id)).toEqual([other.id]);
});

test("a session that could not be deleted before the server ended is back as another log, or gone if that could be stored at last", async () => {
  for (const recovers of [false, true]) {
    const directory = folder();
    const registry = await restored(directory);
    const session = await start(registry);
    await advance(session, 10);
    await session.checkpoint();
    await session.keeper.idle();
    await advance(session, 90);
    fillUp(registry, ({ deleteSessions = [] }) => deleteSessions.length > 0);
    await expect(registry.delete(session.name)).rejects.toMatchObject({ reason: "STORAGE_FULL" });
    if (recovers) vi.restoreAllMocks();
    await shut(registry);
    vi.restoreAllMocks();
    const sessions = [...(await restored(directory)).all()];
    expect(sessions).toHaveLength(recovers ? 0 : 1);
    for (const { step, epoch } of sessions) {
      expect(step).toBe(10);
      expect(epoch).not.toBe(session.epoch);
    }
  }
});

test("of a history with a hole, the points after the hole are retained, and nothing is made up", async () => {
  const directory = folder();
  let registry = await restored(directory);
  const session = await start(registry);
  for (let i = 0; i < 3; i++) {
    await advance(session, 10);
    await session.checkpoint();
    await session.keeper.idle();
  }
  const points = await session.withLog((log) => log.read(1, 100));
  await shut(registry);
  const database = new DatabaseSync(join(directory, storeFile));
  const rows = database
    .prepare("SELECT first_sequence AS first FROM progress WHERE session = ? ORDER BY first_sequence")
    .all(session.id)
    .map(({ first }) => Number(first));
  expect(rows.length).toBeGreaterThanOrEqual(3);
  database.prepare("DELETE FROM progress WHERE session = ? AND first_sequence = ?").run(session.id, rows[1]!);
  database.close();

  registry = await restored(directory);
  const again = registry.get(session.name);
  expect(await again.withLog((log) => log.read(1, 100))).toEqual(
    points.filter(({ sequence }) => sequence >= rows[2]!),
  );
  await advance(again, 10);
  expect(again.step).toBe(40);
});
