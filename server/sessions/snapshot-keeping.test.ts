import { setTimeout } from "node:timers/promises";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { completeSpec } from "../model/presets.ts";
import type { Commit } from "../store/store.ts";
import type { Changes } from "./changes.ts";
import type { Registry } from "./registry.ts";
import type { Session } from "./session.ts";
import { openTestRegistry, unrepeated } from "./testing/registry.ts";

const never = new AbortController().signal;
const unchanged: Changes = { spec: {}, removeFrequencies: [], keepFrequencies: [] };
let registry: Registry;
let session: Session;

beforeEach(async () => {
  registry = await openTestRegistry();
  const spec = completeSpec({ modulus: 7, width: 16 }, "grokking");
  session = await registry.start({ spec, preset: "", labels: {}, engine: "", recordEvery: 100 });
  await session.advanceBy({ steps: 3, expectedStep: undefined, receipt: unrepeated() }, never);
});

afterEach(async () => {
  vi.restoreAllMocks();
  await registry.shutDown();
  await registry.close();
});

const keep = (label = "") => session.snapshot({ expectedStep: undefined, label }, never);
const forkAt = (step: number, changes = unchanged) =>
  registry.fork(session, step, { changes, labels: {}, engine: "" });

/** Does something before the store gets such a commit. */
function beforeCommit(isSuch: (unit: Commit) => boolean, work: () => Promise<void>): void {
  const { store } = registry;
  const commit = store.commit.bind(store);
  vi.spyOn(store, "commit").mockImplementation(async (unit, transfer) => {
    if (isSuch(unit)) await work();
    return commit(unit, transfer);
  });
}

test("a snapshot that is kept for a fork is deleted once that is made", async () => {
  const kept = await session.keepForFork(undefined, never);
  const deleted = session.deleteSnapshot(3);
  // Long enough for it to be done, did it not wait.
  await setTimeout(50);
  const fork = await forkAt(kept.step);
  kept.release();
  await deleted;
  expect(fork.identity.parent).toMatchObject({ step: 3 });
  expect(session.snapshots.size).toBe(0);
});

test("a snapshot that a fork reads is deleted after that", async () => {
  await keep();
  const { store } = registry;
  const read = store.readSnapshot.bind(store);
  let deleted: Promise<void> | undefined;
  vi.spyOn(store, "readSnapshot").mockImplementation((...which) => {
    deleted = session.deleteSnapshot(3);
    return read(...which);
  });
  await forkAt(3);
  await deleted;
  expect(session.snapshots.size).toBe(0);
});

test("the step of a snapshot that is being deleted is kept anew", async () => {
  await keep();
  for (const label of ["", "again"]) {
    const [, again] = await Promise.all([session.deleteSnapshot(3), keep(label)]);
    expect(session.snapshots.list()).toEqual([again]);
    expect((await session.readSnapshot(3)).info.label).toBe(label);
  }
});

test("a snapshot is deleted after a label that was written before", async () => {
  await keep();
  let deleted: Promise<void> | undefined;
  beforeCommit(
    ({ updateSnapshots = [] }) => updateSnapshots.length > 0,
    async () => {
      deleted = session.deleteSnapshot(3);
    },
  );
  expect((await keep("last")).label).toBe("last");
  await deleted;
  expect(session.snapshots.size).toBe(0);
});

test("a snapshot that could not be deleted is there as before", async () => {
  const kept = await keep();
  const { store } = registry;
  vi.spyOn(store, "commit").mockRejectedValueOnce(new Error("no"));
  await expect(session.deleteSnapshot(3)).rejects.toThrow("no");
  expect(session.snapshots.list()).toEqual([kept]);
});

test("a snapshot that was kept for a fork alone goes when nothing comes of that, and stays when it was there or is somebody's", async () => {
  await (await session.keepForFork(undefined, never)).takeBack();
  expect(session.snapshots.size).toBe(0);
  const forked = await session.keepForFork(undefined, never);
  await forkAt(3);
  await forked.takeBack();
  expect(session.snapshots.size).toBe(1);
  await session.deleteSnapshot(3);
  const told = await session.keepForFork(undefined, never);
  await keep();
  await told.takeBack();
  expect(session.snapshots.size).toBe(1);
  await (await session.keepForFork(undefined, never)).takeBack();
  expect(session.snapshots.size).toBe(1);
});

test("a fork and a label at the same time are both remembered", async () => {
  await keep();
  let labelled: Promise<unknown> | undefined;
  beforeCommit(
    ({ putEvents = [] }) => putEvents.some(({ kind }) => kind === "sessionForked"),
    async () => {
      labelled = keep("both");
      // It is written after the fork, and knew nothing of that.
      await setTimeout(50);
    },
  );
  await forkAt(3);
  await labelled;
  expect(session.snapshots.get(3)).toMatchObject({ label: "both", forks: 1, pinned: true });
});
