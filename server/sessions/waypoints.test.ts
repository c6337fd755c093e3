import { copyFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout } from "node:timers/promises";
import { expect, test } from "vitest";
import { storeFile } from "../store/database.ts";
import type { Registry } from "./registry.ts";
import { advance, atRest, folder, never, norm, plan, restored, start } from "./testing/restarts.ts";
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

test("what a crash cuts short of triggers in a Step is done by the next server, though nobody trains", async () => {
  const registry = await restored(folder());
  const session = await start(registry);
  await session.setTriggers(triggers, never, () => {});
  const copies = copiesOf(registry);
  await advance(session, 60);
  expect(session.step).toBe(20);
  let fired = 0;
  for (const copy of copies) {
    const after = await restored(copy, {}, false);
    const again = after.get(session.name);
    if (again.step < 20) continue;
    fired += 1;
    while (again.triggers.due.length > 0 || !again.isQuiet) await setTimeout(1);
    expect([...after.all()].map(({ labels }) => labels.is).sort()).toEqual(["fork", "other", undefined]);
    expect(again.snapshots.get(20)).toMatchObject({ label: "kept", forks: 2 });
    // The pause was of the Step.
    expect((await advance(again, 10)).step).toBe(30);
  }
  expect(fired).toBeGreaterThan(3);
});
