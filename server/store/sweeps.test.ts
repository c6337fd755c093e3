import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { expect, test } from "vitest";
import { openDatabase, storeFile } from "./database.ts";
import { checkStore, restoreBackup, salvageStore } from "./doctor.ts";
import { applicationId, migrations } from "./migrations.ts";
import type { SweepRow, SweepRunRow } from "./rows.ts";
import { sessionToRow } from "./small-rows.ts";
import { insertInto, sealed } from "./tables.ts";
import { session, state } from "./testing/rows.ts";
import { open, scratch } from "./testing/scratch.ts";

const sweep = (id: string, ordinal: number, state = "running"): SweepRow => ({
  id,
  ordinal,
  createTimeMs: 1_700_000_000_000,
  state,
  body: { seeds: [1, 2], title: "α" },
});

const run = (sweep: string, number: number, sequence: number): SweepRunRow => ({
  sweep,
  run: number,
  sequence,
  outcome: "target",
  steps: 100 + number,
  finishTimeMs: 1_700_000_001_000,
  body: { step: 100 },
  curve: Uint8Array.of(number, 2, 3),
});

for (const kind of ["in a file", "in memory"] as const) {
  const place = () => (kind === "in a file" ? scratch() : undefined);

  test(`a store ${kind} gives back sweeps and their runs, and loses both together`, async () => {
    const store = await open(place());
    await store.commit({ putSweeps: [sweep("b", 2), sweep("a", 1)] });
    await store.commit({ putSweepRuns: [run("a", 3, 1), run("a", 0, 2), run("b", 0, 1)] });
    await store.commit({ putSweeps: [sweep("a", 1, "paused")] });
    const { sweeps, damaged } = await store.loadSweeps();
    expect(damaged).toEqual([]);
    expect(sweeps[0]).toEqual({
      row: sweep("a", 1, "paused"),
      runs: [0, 3],
      sequences: [2, 1],
      outcomes: ["target", "target"],
      steps: [100, 103],
    });
    expect(await store.readSweepRuns("a", 1, 10)).toEqual({
      rows: [run("a", 3, 1), run("a", 0, 2)],
      damaged: [],
      last: 2,
      hasMore: false,
    });
    expect(await store.readSweepRuns("a", 1, 1)).toMatchObject({ last: 1, hasMore: true });
    expect(await store.readSweepRuns("a", 3, 1)).toMatchObject({ rows: [], last: 2, hasMore: false });
    expect((await store.readSweepRuns("a", 2, 10)).rows).toEqual([run("a", 0, 2)]);
    expect((await store.readSweepRange("a", 1, 4)).rows).toEqual([run("a", 3, 1)]);
    await store.commit({ deleteSweepRuns: [{ sweep: "a", end: 3 }] });
    expect((await store.readSweepRuns("a", 1, 10)).rows).toEqual([run("a", 3, 1)]);
    await store.commit({ deleteSweeps: ["a"] });
    expect((await store.loadSweeps()).sweeps.map(({ row }) => row.id)).toEqual(["b"]);
    expect((await store.readSweepRuns("a", 1, 10)).rows).toEqual([]);
  });

  test(`a store ${kind} refuses a run of a sweep that there isn't, with all that was to be done with it`, async () => {
    const store = await open(place());
    await expect(
      store.commit({ putSessions: [session("s", 1)], putSweepRuns: [run("none", 0, 1)] }),
    ).rejects.toMatchObject({ kind: "MISSING" });
    expect((await store.load()).sessions).toEqual([]);
  });
}

test("a run is stored and its session gone, or neither", async () => {
  const store = await open(scratch());
  await store.commit({
    putSweeps: [sweep("a", 1)],
    putSessions: [session("s", 1)],
    putHeads: [state("s", 5)],
  });
  await store.commit({ deleteSessions: ["s"], putSweepRuns: [run("a", 0, 1)] });
  expect((await store.load()).sessions).toEqual([]);
  expect((await store.readSweepRuns("a", 1, 9)).rows).toHaveLength(1);
});

/** A store file as the version before had it, with a session. */
function formerFile(directory: string): string {
  const file = join(directory, storeFile);
  const db = new DatabaseSync(file);
  for (const migration of migrations.slice(0, 2)) db.exec(migration);
  db.exec(`PRAGMA user_version = 2; PRAGMA application_id = ${applicationId}`);
  db.prepare(insertInto("sessions")).run(...sealed("sessions", sessionToRow(session("old", 1))));
  db.close();
  return file;
}

test("a file of the version before is brought to this one with its sessions, and takes sweeps", async () => {
  const directory = scratch();
  const file = formerFile(directory);
  openDatabase(file).close();
  const version = new DatabaseSync(file);
  expect(version.prepare("PRAGMA user_version").get()).toEqual({ user_version: migrations.length });
  version.close();
  const store = await open(directory);
  expect((await store.load()).sessions).toEqual([session("old", 1)]);
  await store.commit({ putSweeps: [sweep("a", 1)], putSweepRuns: [run("a", 0, 1)] });
  expect((await store.loadSweeps()).sweeps).toHaveLength(1);
});

test("a backup of the version before is checked and restored as it is", async () => {
  const file = formerFile(scratch());
  expect(await Array.fromAsync(checkStore(file))).toEqual([]);
  const directory = scratch();
  restoreBackup(file, directory);
  expect((await (await open(directory)).load()).sessions).toEqual([session("old", 1)]);
});

test("sweeps come along in a backup; a damaged run is named, left out where it is read and by a salvage", async () => {
  const directory = scratch();
  const store = await open(directory);
  await store.commit({ putSweeps: [sweep("a", 1)], putSweepRuns: [run("a", 0, 1), run("a", 1, 2)] });
  const backup = join(directory, "backup.db");
  await store.backup(backup);
  const db = new DatabaseSync(backup);
  db.exec("UPDATE sweep_runs SET steps = 7 WHERE run = 1");
  db.close();
  expect(await Array.fromAsync(checkStore(backup))).toEqual([
    { of: "run", what: "run 1 of sweep a is damaged" },
  ]);
  const salvaged = scratch();
  await salvageStore(backup, join(salvaged, storeFile));
  const saved = await open(salvaged);
  expect((await saved.readSweepRuns("a", 1, 9)).rows).toEqual([run("a", 0, 1)]);
  const damaged = new DatabaseSync(store.path!);
  damaged.exec("UPDATE sweep_runs SET steps = 7 WHERE run = 1");
  damaged.close();
  expect(await store.readSweepRuns("a", 1, 9)).toMatchObject({ rows: [run("a", 0, 1)], damaged: [1] });
});

test("how far finished runs were read is told rightly where the last of them are damaged", async () => {
  const store = await open(scratch());
  await store.commit({
    putSweeps: [sweep("a", 1)],
    putSweepRuns: [0, 1, 2, 3, 4].map((i) => run("a", i, i + 1)),
  });
  const other = new DatabaseSync(store.path!);
  other.exec("UPDATE sweep_runs SET steps = 7 WHERE run IN (1, 2)");
  other.close();
  expect(await store.readSweepRuns("a", 1, 3)).toEqual({
    rows: [run("a", 0, 1)],
    damaged: [1, 2],
    last: 3,
    hasMore: true,
  });
  expect(await store.readSweepRuns("a", 2, 2)).toEqual({ rows: [], damaged: [1, 2], last: 3, hasMore: true });
  expect((await store.readSweepRuns("a", 4, 3)).rows).toEqual([run("a", 3, 4), run("a", 4, 5)]);
});
