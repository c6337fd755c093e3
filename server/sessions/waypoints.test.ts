import { copyFileSync, cpSync } from "node:fs";
import { join } from "node:path";
import { setTimeout } from "node:timers/promises";
import { expect, test } from "vitest";
import { openCpuEngine } from "../engine/cpu/cpu-engine.ts";
import type { Engine } from "../engine/engine.ts";
import { LosableEngine } from "../engine/testing/losable-engine.ts";
import { completeSpec } from "../model/presets.ts";
import { storeFile } from "../store/database.ts";
import { Receipt } from "./receipt.ts";
import type { Registry } from "./registry.ts";
import type { Session } from "./session.ts";
import { unrepeated } from "./testing/registry.ts";
import {
  advance,
  atRest,
  crash,
  far,
  folder,
  never,
  norm,
  plan,
  restored,
  shut,
  start,
} from "./testing/restarts.ts";
import type { Trigger, TriggerAction } from "./triggers.ts";

const changes = { spec: {}, removeFrequencies: [], keepFrequencies: [] };
const actions: Readonly<Record<string, TriggerAction>> = {
  pause: { kind: "pause" },
  "fork and run": { kind: "fork", changes, labels: { is: "fork" }, runUntilStep: 40 },
  fork: { kind: "fork", changes, labels: { is: "other" } },
  keep: { kind: "snapshot", label: "kept" },
};

/** All of them fire on the fourth recorded step after 0, which is 20. */
const triggers: readonly Trigger[] = Object.entries(actions).map(([name, action]) => ({
  name,
  when: { ...norm, forRecorded: 4 },
  action,
  repeat: false,
}));

/** Copies what the server would find that starts after this one was killed between two commits. */
function copiesOf({ store }: Registry): string[] {
  const copies: string[] = [];
  const commit = store.commit.bind(store);
  let last: Promise<unknown> = Promise.resolve();
  store.commit = (...unit) => {
    const committed = last.then(async () => {
      const result = await commit(...unit);
      const copy = folder();
      for (const suffix of ["", "-wal"])
        copyFileSync(`${store.path}${suffix}`, join(copy, `${storeFile}${suffix}`));
      copies.push(copy);
      return result;
    });
    last = committed.catch(() => {});
    return committed;
  };
  return copies;
}

async function outcome(registry: Registry) {
  // Forks come after it, while it trains.
  for (const session of registry.all()) {
    await atRest(session);
    await session.atRest;
  }
  const all = [...registry.all()];
  const origin = all.find(({ identity }) => identity.parent === undefined)!;
  const forks = all.filter((session) => session !== origin);
  return {
    step: origin.step,
    state: origin.state,
    reason: origin.stopReason,
    snapshots: origin.snapshots.list().map(({ step, label, forks }) => [step, label, forks]),
    fired: triggers.map(({ name }) => origin.triggers.memoryOf(name)),
    forks: forks.map(({ labels, step, state }) => [labels.is, step, state]).sort(),
    events: origin.events.map(({ kind }) => kind).sort(),
  };
}

test("triggers that fire at one step have done all that they do, and once, whatever a crash cuts short", async () => {
  const registry = await restored(folder());
  const session = await start(registry);
  await session.setTriggers(triggers, never, () => {});
  const copies = copiesOf(registry);
  await session.run(plan, undefined, never);
  const whole = await outcome(registry);
  expect(whole).toMatchObject({
    step: 20,
    state: "paused",
    reason: { kind: "paused", step: 20 },
    snapshots: [[20, "kept", 2]],
    forks: [
      ["fork", 40, "idle"],
      ["other", 20, "idle"],
    ],
  });
  expect(whole.fired.map(({ fired, due }) => [fired, due])).toEqual(triggers.map(() => [1, undefined]));
  // Of the run, the snapshots, the two forks, and the ends.
  expect(copies.length).toBeGreaterThan(5);
  for (const copy of copies) {
    const after = await restored(copy);
    expect(await outcome(after)).toEqual(whole);
  }
});

/** Triggers have still to do something there, but for pausing, which is for whoever trains. */
const isBehind = (session: Session) =>
  !session.isQuiet || session.triggers.due.some(({ trigger }) => trigger.action.kind !== "pause");

const pausesOf = ({ events }: Session) =>
  events.filter((event) => event.kind === "triggerFired" && event.trigger === "pause").length;

test("what a crash cuts short of triggers in a Step is done by the next server, though nobody trains", async () => {
  const registry = await restored(folder());
  const session = await start(registry);
  await session.setTriggers(triggers, never, () => {});
  const copies = copiesOf(registry);
  const key = { requestId: "once", fingerprint: "body", method: "Step" };
  const receipt = new Receipt("once", "body", "Step");
  session.keeper.attach(receipt);
  await advance(session, 60, receipt);
  expect(session.step).toBe(20);
  expect(pausesOf(session)).toBe(1);
  const seen = { fired: 0, repeated: 0 };
  for (const copy of copies) {
    const twin = folder();
    cpSync(copy, twin, { recursive: true });
    const after = await restored(copy, {}, false);
    const again = after.get(session.name);
    if (again.step < 20) continue;
    seen.fired += 1;
    while (isBehind(again)) await setTimeout(1);
    expect([...after.all()].map(({ labels }) => labels.is).sort()).toEqual(["fork", "other", undefined]);
    expect(again.snapshots.get(20)).toMatchObject({ label: "kept", forks: 2 });
    // The pause was of the Step, and not of another.
    expect((await advance(again, 10)).step).toBe(30);
    expect(pausesOf(again)).toBe(1);
    // Repeated, it ends where it did.
    const repeating = await restored(twin, {}, false);
    const same = repeating.get(session.name);
    if (!same.triggers.due.some(({ trigger }) => trigger.name === "pause")) continue;
    seen.repeated += 1;
    await repeating.answers.once(key, never, async (found) => {
      expect((await advance(same, 60, found)).step).toBe(20);
      return Buffer.from("answered");
    });
    expect(pausesOf(same)).toBe(1);
    expect((await advance(same, 10)).step).toBe(30);
  }
  expect(seen.fired).toBeGreaterThan(3);
  expect(seen.repeated).toBeGreaterThan(2);
});

test("a pause that is done ends no later run, and is told of once, whenever the server ends", async () => {
  const directory = folder();
  let registry = await restored(directory);
  const { name } = await start(registry);
  const pauseAndKeep = triggers.filter(({ name }) => name === "pause" || name === "keep");
  await registry.get(name).setTriggers(pauseAndKeep, never, () => {});
  await advance(registry.get(name), 60);
  expect(registry.get(name).isStored).toBe(false);
  for (const label of ["one", "two"]) {
    await registry.get(name).update({ setLabels: { label } }, never, () => {});
    const killed = (await crash(registry)).get(name);
    expect((await advance(killed, 10)).step).toBe(30);
    expect(pausesOf(killed)).toBe(1);
    await shut(registry);
    registry = await restored(directory);
    expect(registry.get(name).triggers.due).toEqual([]);
  }
  const session = registry.get(name);
  await session.run(far, undefined, never);
  const again = (await crash(registry)).get(name);
  while (again.step < 100) await again.log.changed(1_000, never);
  expect(pausesOf(again)).toBe(1);
  await Promise.all([session.pause(), again.pause()]);
});

test("a pause is told of once, though a checkpoint comes between its firing and the end of its run", async () => {
  const registry = await restored(folder());
  const session = await start(registry);
  const [pause] = triggers;
  await session.setTriggers([pause!], never, () => {});
  const observe = session.triggers.observe.bind(session.triggers);
  session.triggers.observe = (point) => {
    if (point.step === 20) void session.checkpoint();
    observe(point);
  };
  const copies = copiesOf(registry);
  await session.run(plan, undefined, never);
  await atRest(session);
  await session.atRest;
  for (const copy of copies) {
    const again = (await restored(copy)).get(session.name);
    await atRest(again);
    await again.atRest;
    expect([again.step, again.state, pausesOf(again)]).toEqual([20, "paused", 1]);
  }
  expect(copies.length).toBeGreaterThan(2);
});

test("a fork that the end of the server keeps from being made is made by the next one; one that failed is not", async () => {
  for (const isFull of [false, true]) {
    const directory = folder();
    const limits = { maxSessions: isFull ? 1 : 10, retainedProgressPoints: 1_000 };
    const registry = await restored(directory, { limits });
    const session = await start(registry);
    await session.setTriggers([triggers[2]!], never, () => {});
    if (isFull) {
      await advance(session, 20);
      expect(session.events.at(-1)).toMatchObject({ detail: expect.stringContaining("failed: there are 1") });
      await shut(registry);
    } else {
      const { store } = registry;
      const commit = store.commit.bind(store);
      let down: Promise<void> | undefined;
      store.commit = (unit, transfer) => {
        if (unit.putSnapshots !== undefined) down ??= shut(registry);
        return commit(unit, transfer);
      };
      await session.run(far, undefined, never);
      while (down === undefined) await setTimeout(1);
      await down;
      expect(session.triggers.due).toHaveLength(1);
    }
    const next = await restored(directory);
    const again = next.get(session.name);
    while (!isFull && again.triggers.due.length > 0) await setTimeout(1);
    await again.pause();
    expect([...next.all()]).toHaveLength(isFull ? 1 : 2);
    expect(again.triggers.memoryOf("fork")).toMatchObject({ fired: 1 });
    expect(again.events.filter(({ kind }) => kind === "triggerFired")).toHaveLength(1);
    expect(again.triggers.memoryOf("fork").lastError !== undefined).toBe(isFull);
  }
});

test("a pause that was due on an engine that is gone ends no run on another", async () => {
  const gpu = async () => new LosableEngine(await openCpuEngine({ threads: 1 }), "webgpu");
  const device = await gpu();
  const offered = (cpu: Engine) => [
    { engine: device, fallbackReason: "" },
    { engine: cpu, fallbackReason: "" },
  ];
  const registry = await restored(folder(), { offered });
  const spec = completeSpec({ modulus: 7, width: 16 }, "grokking");
  const session = await registry.start({ spec, preset: "", labels: {}, engine: "webgpu", recordEvery: 5 });
  await session.setTriggers(
    triggers.filter(({ name }) => name === "pause" || name === "keep"),
    never,
    () => {},
  );
  const copies = copiesOf(registry);
  await session.run(plan, undefined, never);
  await atRest(session);
  await session.atRest;
  let found = 0;
  for (const copy of copies) {
    const next = await restored(copy, { absent: [{ name: "webgpu", reason: "it is gone" }] });
    const again = next.get(session.name);
    if (again.triggers.due.length === 0) continue;
    found += 1;
    const [cpu] = next.engines;
    await again.move(cpu!.engine, "", undefined, unrepeated(), never);
    await again.run({ ...plan, untilStep: 40 }, undefined, never);
    await atRest(again);
    expect([again.step, again.stopReason?.kind, pausesOf(again)]).toEqual([40, "target", 1]);
  }
  expect(found).toBeGreaterThan(0);
});
