import { setTimeout as delay } from "node:timers/promises";
import { afterEach, beforeEach, expect, test } from "vitest";
import { completeSpec } from "../model/presets.ts";
import { Metronome } from "./metronome.ts";
import type { RunPlan } from "./plan.ts";
import type { Registry } from "./registry.ts";
import { Roster, type RosterChange } from "./roster.ts";
import type { Session } from "./session.ts";
import { openTestRegistry, unrepeated } from "./testing/registry.ts";

const never = new AbortController().signal;
const intervalMs = 60;
const endless: RunPlan = { stopWhen: [], snapshotAt: [], recordEvery: 1, recordAt: [] };
let registry: Registry;
let roster: Roster;

beforeEach(async () => {
  registry = await openTestRegistry({ threads: 1 });
  roster = new Roster(() => registry.all(), new Metronome());
});

afterEach(async () => {
  await registry.shutDown();
  await registry.close();
});

function start(labels: Readonly<Record<string, string>> = {}): Promise<Session> {
  const spec = completeSpec({ modulus: 3, width: 8 }, "standard");
  return registry.start({ spec, preset: "standard", labels, engine: "auto", recordEvery: 100 });
}

const startMany = (count: number) => Promise.all(Array.from({ length: count }, () => start()));

const step = (session: Session) =>
  session.advanceBy({ steps: 1, expectedStep: undefined, receipt: unrepeated() }, never);

const relabel = (session: Session, setLabels: Readonly<Record<string, string>>) =>
  session.update({ setLabels }, never, () => {});

const noSchedule = { retain: 2, powersOfTwo: false, atSteps: [], atStageChanges: false };

function follow(labels = {}, signal = never): AsyncGenerator<RosterChange> {
  return roster.follow({ labels, intervalMs }, signal);
}

async function next(changes: AsyncGenerator<RosterChange>, afterMs = 60) {
  // A look serves for 50 ms; what happens meanwhile may be told of twice.
  await delay(afterMs);
  const { value } = await changes.next();
  const { changed, removed, complete } = value as RosterChange;
  return { changed: changed.map(({ session }) => session.name), removed, complete };
}

/** What a follower holds when it takes changes until it knows all sessions as they are. */
async function holdsAll(changes: AsyncGenerator<RosterChange>, held = new Set<string>()) {
  for (;;) {
    const { changed, removed, complete } = await next(changes);
    for (const name of changed) held.add(name);
    for (const name of removed) held.delete(name);
    if (complete) return held;
  }
}

test("all sessions come first, newest first, 50 a message, and then only what changes", async () => {
  const sessions = await startMany(120);
  const changes = follow();
  const messages = [await next(changes), await next(changes), await next(changes)];
  expect(messages.map(({ changed }) => changed.length)).toEqual([50, 50, 20]);
  expect(messages.map(({ complete }) => complete)).toEqual([false, false, true]);
  expect(messages.flatMap(({ changed }) => changed)).toEqual(
    [...registry.all()].map(({ name }) => name).reverse(),
  );
  await step(sessions[7]!);
  expect(await next(changes)).toEqual({ changed: [sessions[7]!.name], removed: [], complete: true });
  const added = await start();
  expect(await next(changes)).toEqual({ changed: [added.name], removed: [], complete: true });
  await registry.delete(sessions[3]!.name);
  expect(await next(changes)).toEqual({ changed: [], removed: [sessions[3]!.name], complete: true });
});

test("without any session a follower is told so at once", async () => {
  expect(await next(follow())).toEqual({ changed: [], removed: [], complete: true });
});

test("a session comes and goes with its labels", async () => {
  const [plain, mine] = [await start(), await start({ owner: "anna" })];
  const changes = follow({ owner: "anna" });
  expect(await next(changes)).toEqual({ changed: [mine.name], removed: [], complete: true });
  await relabel(plain, { owner: "anna" });
  expect(await next(changes)).toEqual({ changed: [plain.name], removed: [], complete: true });
  await relabel(mine, { owner: "ben" });
  expect(await next(changes)).toEqual({ changed: [], removed: [mine.name], complete: true });
  await relabel(mine, { owner: "anna" });
  expect(await next(changes)).toEqual({ changed: [mine.name], removed: [], complete: true });
});

test("every kind of change makes a session another sight, and nothing else does", async () => {
  const session = await start();
  const sight = async () => {
    await delay(60);
    const { value } = await follow().next();
    return (value as RosterChange).changed[0];
  };
  let before = await sight();
  const changes: Record<string, () => Promise<unknown>> = {
    labels: () => relabel(session, { a: "b" }),
    schedule: () => session.update({ schedule: { ...noSchedule, everySteps: 1_000 } }, never, () => {}),
    measures: () => session.update({ measures: [{ measure: "iprTheta", every: 5 }] }, never, () => {}),
    event: () => session.swapActivation("abs", undefined, unrepeated(), never),
    run: () => session.run(endless, undefined, never),
    pause: () => session.pause(),
  };
  for (const [kind, change] of Object.entries(changes)) {
    await change();
    const after = await sight();
    expect(after, kind).not.toBe(before);
    before = kind === "run" ? after : await sight();
  }
  expect(await sight()).toBe(before);
});

test("whoever takes its time holds nothing up and is told of the last state only", async () => {
  const sessions = await startMany(60);
  const slow = follow();
  const first = await next(slow);
  const quick = follow();
  await holdsAll(quick);
  for (let i = 0; i < 5; i++) {
    await step(sessions[0]!);
    expect((await next(quick)).changed).toEqual([sessions[0]!.name]);
  }
  const gone = sessions[1]!.name;
  await registry.delete(gone);
  expect((await next(quick)).removed).toEqual([gone]);
  // The rest of its first look, without the one that is gone by now.
  const second = await next(slow);
  expect(second.changed).toContain(sessions[0]!.name);
  expect(second.changed).not.toContain(gone);
  expect(new Set([...first.changed, ...second.changed]).size).toBe(59);
  expect(second.complete).toBe(true);
  expect(await next(slow)).toEqual({ changed: [sessions[0]!.name], removed: [], complete: true });
});

test("sessions that change all the time do not keep a slow follower from hearing of the others", async () => {
  const sessions = await startMany(170);
  // The newest, which come first.
  for (const session of sessions.slice(-60)) await session.run(endless, undefined, never);
  const changes = follow();
  const held = new Set<string>();
  for (let messages = 0; ; messages++) {
    expect(messages).toBeLessThan(5);
    const { changed, complete } = await next(changes);
    for (const name of changed) held.add(name);
    if (complete) break;
  }
  expect(held.size).toBe(170);
});

test("a deleted session is never shown, however recently it was looked at", async () => {
  const sessions = await startMany(3);
  const changes = follow();
  await next(changes);
  await registry.delete(sessions[0]!.name);
  // A look that another follower has taken just now serves this one as well.
  expect((await next(follow(), 0)).changed).not.toContain(sessions[0]!.name);
  expect((await next(changes, 0)).removed).toEqual([sessions[0]!.name]);
});

test("followers at one time are given the same objects, which are encoded once", async () => {
  await startMany(3);
  const [a, b] = [follow(), follow()];
  const [one, other] = [(await a.next()).value!, (await b.next()).value!];
  expect(one.changed).toHaveLength(3);
  for (const [i, sight] of one.changed.entries()) expect(other.changed[i]).toBe(sight);
});

test("following ends at once when its signal aborts", async () => {
  const controller = new AbortController();
  const changes = roster.follow({ labels: {}, intervalMs: 60_000 }, controller.signal);
  await changes.next();
  const waiting = changes.next();
  controller.abort();
  expect((await waiting).done).toBe(true);
});
