import { existsSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { expect, test } from "vitest";
import { checkStore, restoreBackup, salvageStore } from "./doctor.ts";
import type { Damage } from "./rows.ts";
import { find, flip } from "./testing/flip.ts";
import { forbidLinks } from "./testing/no-links.ts";
import { session, state } from "./testing/rows.ts";
import { open, scratch } from "./testing/scratch.ts";

async function check(file: string): Promise<Damage[]> {
  const damage: Damage[] = [];
  for await (const found of checkStore(file)) damage.push(found);
  return damage;
}

const progress = (session: string) => ({ session, firstSequence: 1, count: 1, data: Buffer.from("points") });

/** Two sessions with five snapshots each; the last is also the head. */
async function fill(directory: string): Promise<string> {
  const store = await open(directory);
  for (const [i, id] of ["a", "b"].entries()) {
    await store.commit({
      putSessions: [session(id, i, { body: { note: `body of ${id}` } })],
      putSnapshots: [1, 2, 3, 4, 5].map((step) =>
        state(id, step, { values: 4_000, meta: { note: `meta of ${id} ${step}` }, head: step === 5 }),
      ),
      appendProgress: [progress(id)],
      putEvents: [{ session: id, step: 0, timeMs: 1, kind: "start", body: null }],
    });
  }
  await store.close();
  return join(directory, "grokbox.db");
}

test("a backup made while commits go on is consistent, complete, one file, and its owner's", async () => {
  const directory = scratch();
  const store = await open(directory);
  await store.commit({ putSessions: [session("a", 1)] });
  let running = true;
  let step = 0;
  const writing = (async () => {
    while (running) {
      step += 1;
      // The head and the snapshot of each step, and its event, belong together.
      await store.commit({
        putSnapshots: [state("a", step, { head: true, values: 4_000 })],
        putEvents: [{ session: "a", step, timeMs: 0, kind: "step", body: null }],
      });
    }
  })();
  await expect.poll(() => step, { timeout: 20_000 }).toBeGreaterThan(20);
  const shares: number[] = [];
  const before = step;
  const file = join(directory, "backup.db");
  await store.backup(file, (share) => shares.push(share));
  const after = step;
  running = false;
  await writing;
  expect(shares.at(-1)).toBe(1);
  expect(shares).toEqual(shares.toSorted((a, b) => a - b));
  expect(await check(file)).toEqual([]);
  expect(readdirSync(directory).filter((name) => name.startsWith("backup.db"))).toEqual(["backup.db"]);
  const copy = scratch();
  restoreBackup(file, copy);
  const restored = await open(copy);
  const head = await restored.readHead("a");
  expect(head.step).toBeGreaterThanOrEqual(before);
  expect(head.step).toBeLessThanOrEqual(after + 1);
  expect((await restored.readEvents("a")).length).toBe(head.step);
  expect((await restored.load()).snapshots.length).toBe(head.step);
});

test("a backup of a store in memory is a store in a file", async () => {
  const store = await open(undefined);
  await store.commit({ putSessions: [session("a", 1)], putHeads: [state("a", 1)] });
  const directory = scratch();
  await store.backup(join(directory, "backup.db"));
  restoreBackup(join(directory, "backup.db"), join(directory, "data"));
  expect((await (await open(join(directory, "data"))).readHead("a")).arrays).toEqual(state("a", 1).arrays);
});

test("a backup that is stopped, and one of a damaged store, leave no file", async () => {
  const directory = scratch();
  const file = await fill(directory);
  flip(file, find(file, Buffer.from("meta of b 3")) + 3);
  const store = await open(directory);
  const target = join(directory, "backup.db");
  await expect(store.backup(target)).rejects.toMatchObject({ kind: "CORRUPT", session: "b", step: 3 });
  const stop = new AbortController();
  const reason = new Error("enough");
  const stopped = store.backup(target, () => {}, stop.signal);
  stop.abort(reason);
  await expect(stopped).rejects.toBe(reason);
  expect(readdirSync(directory).filter((name) => name.startsWith("backup.db"))).toEqual([]);
  writeFileSync(target, "something dear");
  await expect(store.backup(target)).rejects.toMatchObject({ kind: "EXISTS" });
  expect(readFileSync(target, "utf8")).toBe("something dear");
});

test("salvage copies every good row, and reports what it leaves out", async () => {
  const directory = scratch();
  const file = await fill(directory);
  const { arrays } = state("a", 2, { values: 4_000 });
  flip(file, find(file, new Uint8Array(arrays[0]!.data.buffer, 0, 64)) + 77);
  flip(file, find(file, Buffer.from("meta of a 4")) + 3);
  const salvaged = join(directory, "salvaged.db");
  const { copied, damage } = await salvageStore(file, salvaged);
  expect(damage).toMatchObject([
    { of: "snapshot", session: "a", step: 2 },
    { of: "snapshot", session: "a", step: 4 },
  ]);
  expect(copied).toEqual({
    sessions: 2,
    heads: 2,
    snapshots: 8,
    progress: 2,
    answers: 0,
    events: 2,
    sweeps: 0,
    sweep_runs: 0,
  });
  expect(await check(salvaged)).toEqual([]);
  const place = join(directory, "new");
  restoreBackup(salvaged, place);
  const store = await open(place);
  expect((await store.load()).snapshots.map(({ session, step }) => `${session}${step}`).join(" ")).toBe(
    "a1 a3 a5 b1 b2 b3 b4 b5",
  );
  expect((await store.readHead("a")).arrays).toEqual(state("a", 5, { values: 4_000 }).arrays);
});

test("salvage leaves out what belongs to a session whose record is damaged, and says so of each", async () => {
  const directory = scratch();
  const file = await fill(directory);
  flip(file, find(file, Buffer.from("body of b")) + 3);
  const { copied, damage } = await salvageStore(file, join(directory, "salvaged.db"));
  expect(damage.map(({ of, step }) => `${of} ${step ?? ""}`.trim())).toEqual([
    "session",
    "head 5",
    ...[1, 2, 3, 4, 5].map((step) => `snapshot ${step}`),
    "progress",
  ]);
  expect(damage.at(-1)!.what).toMatch(/^left out, though intact/);
  expect(copied).toMatchObject({ sessions: 1, snapshots: 5, events: 2 });
});

test("salvage goes around a destroyed page of snapshots, and names those that lay on it", async () => {
  const directory = scratch();
  const store = await open(directory);
  await store.commit({ putSessions: [session("a", 1)] });
  for (let step = 0; step < 200; step += 10) {
    await store.commit({
      putSnapshots: Array.from({ length: 10 }, (_, i) =>
        state("a", step + i, { meta: { note: "x".repeat(700) } }),
      ),
    });
  }
  await store.close();
  const file = join(directory, "grokbox.db");
  const bytes = readFileSync(file);
  const db = new DatabaseSync(file, { readOnly: true });
  const page = db
    .prepare(
      "SELECT pageno FROM dbstat WHERE name = 'snapshots' AND pagetype = 'leaf' ORDER BY pageno LIMIT 1 OFFSET 7",
    )
    .get()!.pageno as number;
  db.close();
  bytes.fill(0xff, (page - 1) * 8_192, page * 8_192);
  writeFileSync(file, bytes);
  const found = await check(file);
  expect(found.some(({ of }) => of === "file")).toBe(true);
  const { copied, damage } = await salvageStore(file, join(directory, "salvaged.db"));
  const lost = damage.filter(({ of }) => of === "snapshot");
  expect(lost.length).toBeGreaterThan(0);
  expect(lost.length).toBeLessThan(20);
  expect(lost.every(({ session, what }) => session === "a" && what === "it lies on a damaged page")).toBe(
    true,
  );
  expect(copied.snapshots + lost.length).toBe(200);
  expect(await check(join(directory, "salvaged.db"))).toEqual([]);
});

test.each(["with hard links", "without"])(
  "a restoration refuses a store that is there, unless told to replace it, which then stays beside: %s",
  async (how) => {
    const link = how === "without" ? forbidLinks("EPERM") : undefined;
    const directory = scratch();
    const file = await fill(directory);
    const other = scratch();
    const store = await open(other);
    await store.commit({ putSessions: [session("other", 1)] });
    expect(() => restoreBackup(file, other, { replace: true })).toThrow(
      expect.objectContaining({ name: "StoreError", kind: "HELD" }),
    );
    await store.close();
    expect(() => restoreBackup(file, other)).toThrow(expect.objectContaining({ kind: "EXISTS" }));
    const former = restoreBackup(file, other, { replace: true })!;
    expect((await (await open(other)).load()).sessions.map(({ id }) => id)).toEqual(["a", "b"]);
    const back = scratch();
    restoreBackup(former, back);
    expect((await (await open(back)).load()).sessions.map(({ id }) => id)).toEqual(["other"]);
    if (link !== undefined) expect(link).toHaveBeenCalled();
  },
);

test("a restoration of a damaged, newer, foreign or missing file leaves no store", async () => {
  const directory = scratch();
  const file = await fill(directory);
  const place = join(directory, "new");
  const attempt = (from: string) => () => restoreBackup(from, place);
  const kind = (kind: string) => expect.objectContaining({ name: "StoreError", kind });
  flip(file, find(file, Buffer.from("meta of b 1")) + 3);
  expect(attempt(file)).toThrow(kind("CORRUPT"));
  expect(attempt(join(directory, "nothing.db"))).toThrow(kind("MISSING"));
  writeFileSync(join(directory, "text.db"), "no database at all, but text of some length".repeat(100));
  expect(attempt(join(directory, "text.db"))).toThrow(kind("CORRUPT"));
  const db = new DatabaseSync(file);
  db.exec("PRAGMA user_version = 99");
  db.close();
  expect(attempt(file)).toThrow(kind("NEWER"));
  expect(existsSync(join(place, "grokbox.db"))).toBe(false);
  expect(existsSync(join(place, "restored.db"))).toBe(false);
});
