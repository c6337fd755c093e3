import { once } from "node:events";
import { readdirSync, readFileSync, renameSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import { type CopyReport, copySteps, copyStore } from "./copy-store.ts";
import { openForReading } from "./database.ts";
import { checkStore } from "./doctor.ts";
import { startChild } from "./testing/child.ts";
import { forbidLinks } from "./testing/no-links.ts";
import { session, state } from "./testing/rows.ts";
import { open, scratch } from "./testing/scratch.ts";

const snapshots = 5;

async function fill(directory: string): Promise<string> {
  const store = await open(directory);
  await store.commit({
    putSessions: [session("a", 1)],
    putSnapshots: Array.from({ length: snapshots }, (_, step) => state("a", step, { values: 4_000 })),
  });
  await store.close();
  return store.path!;
}

function reader(file: string) {
  const database = openForReading(file);
  onTestFinished(() => database.close());
  return database;
}

const begin = (from: string, to: string) => copySteps(reader(from), to, { onDamage: "fail" });

function finish(copying: Generator<void, CopyReport>): CopyReport {
  for (;;) {
    const { done, value } = copying.next();
    if (done) return value;
  }
}

const exists = expect.objectContaining({
  kind: "EXISTS",
  message: expect.stringContaining("exists already; copies are made to new files"),
});

async function expectWhole(file: string): Promise<void> {
  expect(await Array.fromAsync(checkStore(file))).toEqual([]);
  expect(reader(file).sql("SELECT count(*) AS n FROM snapshots").get()).toEqual({ n: BigInt(snapshots) });
}

test("of two copies to one file that overlap the one that is complete first is there, whole, and the other fails", async () => {
  const from = await fill(scratch());
  for (const quicker of ["first", "second"] as const) {
    const directory = scratch();
    const to = join(directory, "backup.db");
    const first = begin(from, to);
    for (let row = 0; row < 3; row += 1) first.next();
    const second = begin(from, to);
    second.next();
    const [one, other] = quicker === "first" ? [first, second] : [second, first];
    expect(finish(one).copied).toMatchObject({ sessions: 1, snapshots });
    expect(() => finish(other)).toThrow(exists);
    await expectWhole(to);
    expect(readdirSync(directory)).toEqual(["backup.db"]);
  }
});

test("a copy doesn't take the place of what came to its name meanwhile, be it a link to nothing", async () => {
  const from = await fill(scratch());
  const directory = scratch();
  const to = join(directory, "backup.db");
  const copying = begin(from, to);
  copying.next();
  writeFileSync(to, "something dear");
  expect(() => finish(copying)).toThrow(exists);
  expect(readFileSync(to, "utf8")).toBe("something dear");
  const link = join(directory, "link.db");
  symlinkSync(join(directory, "nowhere"), link);
  expect(() => finish(begin(from, link))).toThrow(exists);
  expect(readdirSync(directory)).toEqual(["backup.db", "link.db"]);
});

test.each(["EPERM", "ENOTSUP", "ENOSYS"])(
  "where links fail with %s a copy is made all the same, over nothing that is there",
  async (code) => {
    const link = forbidLinks(code);
    const from = await fill(scratch());
    const directory = scratch();
    const to = join(directory, "backup.db");
    const late = begin(from, to);
    late.next();
    copyStore(reader(from), to, { onDamage: "fail" });
    expect(link).toHaveBeenCalled();
    expect(() => finish(late)).toThrow(exists);
    await expectWhole(to);
    expect(readdirSync(directory)).toEqual(["backup.db"]);
  },
);

test("what a killed process left goes with the next copy to the same file; what a living one writes stays", async () => {
  const from = await fill(scratch());
  const directory = scratch();
  const to = join(directory, "backup.db");
  const child = startChild("copy-halfway.ts", from, to);
  await once(child.stdout, "data");
  const unfinished = readdirSync(directory);
  expect(unfinished).toEqual([expect.stringMatching(/^backup\.db\..*\.partial$/)]);
  // Of no copy, nor of this file.
  writeFileSync(join(directory, "backup.db.mine.partial"), "something dear");
  writeFileSync(join(directory, "other.db.partial"), "something dear");
  copyStore(reader(from), to, { onDamage: "fail" });
  const others = ["backup.db.mine.partial", "other.db.partial"];
  expect(readdirSync(directory).toSorted()).toEqual(["backup.db", ...unfinished, ...others].toSorted());
  child.kill("SIGKILL");
  await once(child, "close");
  renameSync(to, join(directory, "kept.db"));
  copyStore(reader(from), to, { onDamage: "fail" });
  expect(readdirSync(directory).toSorted()).toEqual(["backup.db", "kept.db", ...others].toSorted());
  await expectWhole(to);
});
