import { copyFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { expect, test, vi } from "vitest";
import { openCpuEngine } from "../engine/cpu/cpu-engine.ts";
import type { Engine } from "../engine/engine.ts";
import { LosableEngine } from "../engine/testing/losable-engine.ts";
import { storeFile } from "../store/database.ts";
import { Receipt } from "./receipt.ts";
import type { Registry } from "./registry.ts";
import type { Session } from "./session.ts";
import { openTestRegistry, unrepeated } from "./testing/registry.ts";
import {
  advance,
  atRest,
  backedUp,
  crash,
  far,
  fillUp,
  folder,
  hasState,
  keep,
  never,
  norm,
  open,
  plan,
  restored,
  shut,
  start,
} from "./testing/restarts.ts";

// Who has seen points that will not come again is told so by another epoch, and nobody else is.

const schedule = { everySteps: 7, powersOfTwo: false, atSteps: [], atStageChanges: false, retain: 1 };

test("steps that no checkpoint has seen are durable once a run follows them, so that its epoch may go on", async () => {
  const registry = await restored(folder());
  const session = await start(registry);
  // Recorded, as the end of a call; a run that began at step 0 would not stop there.
  await advance(session, 23);
  const since = await session.run({ ...plan, untilStep: 10_000_000 }, undefined, never);
  const seen = await session.withLog((log) => log.read(1, since));

  const after = await crash(registry);
  await session.pause();
  const again = after.get(session.name);
  expect(again).toMatchObject({ state: "running", epoch: session.epoch });
  await again.pause();
  expect(again.step).toBeGreaterThanOrEqual(23);
  expect(await again.withLog((log) => log.read(1, since))).toEqual(seen);
});

for (const [what, change, strays] of [
  ["is paused", (session) => session.pause(), true],
  [
    "goes on under another activation",
    (session) => session.swapActivation("gelu", undefined, unrepeated(), never),
    true,
  ],
  [
    "moves to another engine",
    (session, registry) => registry.move(session, "webgpu", undefined, unrepeated(), never),
    true,
  ],
  ["keeps other snapshots", (session) => session.update({ schedule }, never, () => {}), true],
  [
    "records other measures",
    (session) => session.update({ measures: [{ measure: "ipr", every: 5 }] }, never, () => {}),
    true,
  ],
  [
    "gets triggers",
    (session) =>
      session.setTriggers(
        [{ name: "keep", when: { ...norm, forRecorded: 1 }, action: keep, repeat: false }],
        never,
        () => {},
      ),
    true,
  ],
  [
    "is paused by a trigger",
    async (session) => {
      await atRest(session);
      expect(session.state).toBe("paused");
    },
    false,
  ],
  ["is labelled", (session) => session.update({ setLabels: { new: "label" } }, never, () => {}), false],
  ["ends by itself", (session) => atRest(session), false],
  ["is shut down", (session) => session.shutDown(), false],
] as const satisfies readonly [
  string,
  (session: Session, registry: Registry) => Promise<unknown>,
  boolean,
][]) {
  test(`a run that goes on after a crash and ${what} has ${strays ? "another" : "the same"} epoch, at the next start too`, async () => {
    const registry = await restored(folder());
    const session = await start(registry);
    if (what === "is paused by a trigger") {
      const when = { ...norm, forRecorded: 4_000 };
      const pause = { name: "pause", when, action: { kind: "pause" }, repeat: false } as const;
      await session.setTriggers([pause], never, () => {});
    }
    const untilStep = what === "ends by itself" ? 100_000 : 10_000_000;
    await session.run({ ...plan, untilStep }, undefined, never);
    while (session.log.newest < 3) await session.log.changed(1_000, never);
    const other = {
      engine: new LosableEngine(await openCpuEngine({ threads: 1 }), "webgpu"),
      fallbackReason: "",
    };
    const offered = (engine: Engine) => [{ engine, fallbackReason: "" }, other];
    const after = await crash(registry, { offered });
    await session.pause();
    const again = after.get(session.name);
    expect([again.isTraining, again.epoch]).toEqual([true, session.epoch]);
    await change(again, after);
    expect(again.epoch !== session.epoch).toBe(strays);
    const { epoch, isTraining } = again;
    if (again.ended === undefined && !isTraining) await again.run(far, undefined, never);
    await again.pause();
    // Only of what it makes again.
    if (!isTraining) expect(again.epoch).toBe(epoch);
    const directory = dirname(after.store.path!);
    await shut(after);
    expect((await restored(directory)).get(session.name).epoch).toBe(again.epoch);
  });
}

test("a server that ends while a run is made again leaves no point where that was, so that the next one makes those that were seen", async () => {
  const registry = await restored(folder());
  const session = await start(registry);
  // Seldom enough that the server's end meets none of these steps.
  await session.run({ ...far, recordEvery: 997 }, undefined, never);
  while (session.log.newest < 200) await session.log.changed(1_000, never);
  const after = await crash(registry);
  const seen = await session.withLog((log) => log.read(1, session.log.newest));
  await session.pause();
  const directory = dirname(after.store.path!);
  await shut(after);
  const again = (await restored(directory)).get(session.name);
  expect(again.epoch).toBe(session.epoch);
  expect(again.log.newest).toBeLessThan(seen.length);
  expect(again.step % 997).not.toBe(0);
  while (again.log.newest < seen.length) await again.log.changed(1_000, never);
  expect(await again.withLog((log) => log.read(1, seen.length))).toEqual(seen);
});

test("a run that goes on after a crash and a clean restart has another epoch once it is paused, or when it is not to go on", async () => {
  for (const resume of [true, false]) {
    const registry = await restored(folder());
    const session = await start(registry);
    await session.run({ ...plan, untilStep: 10_000_000 }, undefined, never);
    const crashed = await crash(registry);
    await session.pause();
    const directory = dirname(crashed.store.path!);
    await shut(crashed);
    const again = (await restored(directory, {}, resume)).get(session.name);
    expect(again.isTraining).toBe(resume);
    expect(again.epoch === session.epoch).toBe(resume);
    await again.pause();
    expect(again.epoch).not.toBe(session.epoch);
  }
});

test("a pause that a crash cuts short stays one, and its last point goes with the epoch", async () => {
  const registry = await restored(folder());
  const session = await start(registry);
  await session.run({ ...far, recordEvery: 50 }, undefined, never);
  while (session.log.newest < 20) await session.log.changed(1_000, never);
  fillUp(registry, hasState);
  await session.pause();
  const again = (await crash(registry)).get(session.name);
  expect([again.isTraining, again.epoch === session.epoch]).toEqual([false, false]);
});

test("a pause that can't be stored is seen under another epoch, since a crash would bring the run back", async () => {
  const registry = await restored(folder());
  const session = await start(registry);
  await session.run({ ...far, recordEvery: 50 }, undefined, never);
  while (session.log.newest < 20) await session.log.changed(1_000, never);
  const { epoch } = session;
  fillUp(registry, () => true);
  await session.pause();
  expect(session.epoch).not.toBe(epoch);
  const again = (await crash(registry)).get(session.name);
  expect([again.isTraining, again.epoch === session.epoch]).toEqual([true, false]);
});

test("a server that ends before it has brought anything back leaves a store as it found it", async () => {
  const registry = await restored(folder());
  const session = await start(registry);
  await advance(session, 10);
  const directory = folder();
  const { path } = registry.store;
  for (const suffix of ["", "-wal"])
    copyFileSync(`${path}${suffix}`, join(directory, `${storeFile}${suffix}`));
  const failing = await openTestRegistry({ directory, threads: 1 });
  await failing.close();
  expect((await restored(directory)).get(session.name).epoch).not.toBe(session.epoch);
});

test("an answer that is owed when the server ends makes no crash of a clean end", async () => {
  const directory = folder();
  const registry = await restored(directory);
  const session = await start(registry);
  await advance(session, 10);
  open.splice(open.indexOf(registry), 1);
  await registry.shutDown();
  const receipt = new Receipt("late", "body", "Pause");
  session.keeper.attach(receipt);
  receipt.respond(Buffer.from("done"));
  session.keeper.detach(receipt);
  expect(session.isDirty).toBe(true);
  await registry.close();
  expect((await restored(directory)).get(session.name).epoch).toBe(session.epoch);
});

test("a server that can't say at its start that its end would be a crash has other epochs, and stores them when it can", async () => {
  const directory = folder();
  const before = await restored(directory);
  const { name, epoch } = await start(before);
  await shut(before);
  const registry = await openTestRegistry({ directory, threads: 1, checkpointEveryMs: 20 });
  open.push(registry);
  fillUp(registry, () => true);
  await registry.restore({ resume: true });
  const session = registry.get(name);
  expect(session.epoch).not.toBe(epoch);
  vi.restoreAllMocks();
  await expect.poll(() => session.isDirty).toBe(false);
  await shut(registry);
  expect((await restored(directory)).get(name).epoch).toBe(session.epoch);
});

test("who saw a step that no checkpoint after a clean start has, is told by another epoch once it is gone", async () => {
  const directory = folder();
  let registry = await restored(directory);
  const [stepped, running] = [await start(registry), await start(registry)];
  await running.run(far, undefined, never);
  await shut(registry);
  registry = await restored(directory);
  await advance(registry.get(stepped.name), 10);
  const { log } = registry.get(running.name);
  const { newest } = log;
  while (log.newest < newest + 3) await log.changed(1_000, never);
  const after = await crash(registry);
  expect(after.get(stepped.name).epoch).not.toBe(stepped.epoch);
  expect(after.get(running.name)).toMatchObject({ isTraining: true, epoch: running.epoch });
  await after.get(running.name).pause();
  expect(after.get(running.name).epoch).not.toBe(running.epoch);
});

test("a server that could not store everything before its end has not ended well", async () => {
  const directory = folder();
  let registry = await restored(directory);
  const [stepped, running] = [await start(registry), await start(registry)];
  await advance(stepped, 10);
  await running.run(far, undefined, never);
  while (running.log.newest < 2_000) await running.log.changed(1_000, never);
  fillUp(registry, hasState);
  await shut(registry);
  registry = await restored(directory);
  expect(registry.get(stepped.name).epoch).not.toBe(stepped.epoch);
  await registry.get(running.name).pause();
  expect(registry.get(running.name).epoch).not.toBe(running.epoch);
});

test("nobody sees points under another activation or engine before the change is stored, or the epoch changes", async () => {
  for (const isFull of [false, true]) {
    const registry = await restored(folder());
    const session = await start(registry);
    const { epoch } = session;
    await session.run(far, undefined, never);
    while (session.log.newest < 20) await session.log.changed(1_000, never);
    if (isFull) fillUp(registry, hasState);
    await session.swapActivation("gelu", undefined, unrepeated(), never);
    const [at] = session.events.filter(({ kind }) => kind === "activationSwapped");
    const isStored = session.keeper.committed!.spec.activation === "gelu";
    expect(isStored).toBe(!isFull);
    expect(session.keeper.committed!.step === at!.step).toBe(!isFull);
    expect(session.epoch === epoch).toBe(!isFull);
    await session.pause();
  }
});

test("points that were not stored may have been seen, so that after a crash without a run the epoch is another, and stays so", async () => {
  const registry = await restored(folder());
  const session = await start(registry);
  await advance(session, 25);
  const after = await crash(registry);
  const again = after.get(session.name);
  expect(again.step).toBe(0);
  expect(again.epoch).not.toBe(session.epoch);
  const directory = dirname(after.store.path!);
  await shut(after);
  expect((await restored(directory)).get(session.name).epoch).toBe(again.epoch);
});

test("what goes on from a backup is another epoch, even of a run: its server may have gone on otherwise", async () => {
  const registry = await restored(folder());
  const sessions = [await start(registry), await start(registry)];
  await sessions[0]!.run({ ...plan, untilStep: 10_000_000 }, undefined, never);
  const after = await backedUp(registry);
  await sessions[0]!.pause();
  const again = sessions.map(({ name }) => after.get(name));
  expect(again[0]!.state).toBe("running");
  await again[0]!.pause();
  for (const [i, { epoch }] of again.entries()) expect(epoch).not.toBe(sessions[i]!.epoch);
  const directory = dirname(after.store.path!);
  await shut(after);
  const later = await restored(directory);
  for (const { name, epoch } of again) expect(later.get(name).epoch).toBe(epoch);
});

test("an epoch that is renewed at a start on a full disk is stored once there is space", async () => {
  const directory = folder();
  let registry = await restored(directory);
  const session = await start(registry);
  await advance(session, 10);
  const after = await crash(registry);
  const crashed = dirname(after.store.path!);
  await shut(after);
  // What crash() has opened has ended well: once more as it was.
  const database = new DatabaseSync(join(crashed, storeFile));
  database.exec("UPDATE about SET value = 0 WHERE key = 'clean_shutdown'");
  database.close();
  registry = await openTestRegistry({ directory: crashed, threads: 1, checkpointEveryMs: 20 });
  open.push(registry);
  fillUp(registry, () => true);
  await registry.restore({ resume: true });
  const { epoch } = registry.get(session.name);
  expect(registry.get(session.name).isDirty).toBe(true);
  vi.restoreAllMocks();
  await expect.poll(() => registry.get(session.name).isDirty).toBe(false);
  expect((await crash(registry)).get(session.name).epoch === epoch).toBe(false);
  await shut(registry);
  expect((await restored(crashed)).get(session.name).epoch).toBe(epoch);
});
