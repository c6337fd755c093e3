import { execFileSync } from "node:child_process";
import { rmSync, statfsSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import { checkStore } from "./doctor.ts";
import { openStore } from "./store.ts";
import { session, state } from "./testing/rows.ts";
import { open, scratch } from "./testing/scratch.ts";

const values = 20_000;

/** A file system of 8 MiB, or undefined where the test may not mount one. */
function smallDisk(): string | undefined {
  const directory = scratch();
  try {
    execFileSync("mount", ["-t", "tmpfs", "-o", "size=8m", "tmpfs", directory], { stdio: "ignore" });
  } catch {
    return undefined;
  }
  onTestFinished(() => {
    execFileSync("umount", [directory], { stdio: "ignore" });
  });
  return directory;
}

function fillDisk(directory: string, leave = 0): string {
  const { bavail, bsize } = statfsSync(directory);
  const ballast = join(directory, "ballast");
  writeFileSync(ballast, new Uint8Array(bavail * bsize - leave));
  return ballast;
}

test("on a full disk commits fail whole, what was there stays, and they succeed when there is space again", async (context) => {
  const directory = smallDisk();
  if (directory === undefined) return context.skip("may not mount a tmpfs");
  const store = await openStore({ directory, holder: "the test" });
  await store.commit({
    putSessions: [session("a", 1)],
    putSnapshots: [state("a", 0, { values, head: true })],
  });
  const ballast = fillDisk(directory, 300_000);
  let last = 0;
  let failures = 0;
  for (let step = 1; failures < 5; step += 1) {
    try {
      await store.commit({
        putSnapshots: [state("a", step, { values, head: true })],
        putEvents: [{ session: "a", step, timeMs: 0, kind: "step", body: null }],
      });
      last = step;
    } catch (error) {
      expect(error).toMatchObject({ name: "StoreError", kind: expect.stringMatching(/^(FULL|IO)$/) });
      failures += 1;
    }
  }
  const together = await Promise.allSettled(
    [1_001, 1_002, 1_003].map((step) => store.commit({ putSnapshots: [state("a", step, { values })] })),
  );
  expect(together.map(({ status }) => status)).toEqual(["rejected", "rejected", "rejected"]);
  expect((await store.readHead("a")).arrays).toEqual(state("a", last, { values }).arrays);
  expect((await store.load()).snapshots).toHaveLength(last + 1);
  expect(await store.readEvents("a")).toHaveLength(last);
  rmSync(ballast);
  await store.commit({ putSnapshots: [state("a", 2_000, { values, head: true })] });
  await store.close();
  const again = await openStore({ directory, holder: "the test" });
  expect((await again.readHead("a")).step).toBe(2_000);
  expect((await again.load()).snapshots).toHaveLength(last + 2);
  await again.close();
  for await (const damage of checkStore(join(directory, "grokbox.db"))) expect(damage).toBeUndefined();
});

test("a store opens, is read and closes on a disk that is full to the last byte", async (context) => {
  const directory = smallDisk();
  if (directory === undefined) return context.skip("may not mount a tmpfs");
  const first = await openStore({ directory, holder: "the test" });
  await first.commit({ putSessions: [session("a", 1)], putSnapshots: [state("a", 0, { values })] });
  const ballast = fillDisk(directory);
  await first.close();
  const store = await openStore({ directory, holder: "the test" });
  expect((await store.readSnapshot("a", 0)).arrays).toEqual(state("a", 0, { values }).arrays);
  await expect(store.commit({ putSnapshots: [state("a", 1, { values })] })).rejects.toMatchObject({
    kind: expect.stringMatching(/^(FULL|IO)$/),
  });
  rmSync(ballast);
  await store.commit({ putSnapshots: [state("a", 1, { values })] });
  await store.close();
});

test("a store in memory takes no more than it may: FULL, and what was there stays", async () => {
  const store = await openStore({ directory: undefined, holder: "the test", maxEphemeralBytes: 1_000_000 });
  onTestFinished(() => store.close());
  await store.commit({ putSessions: [session("a", 1)], putHeads: [state("a", 0, { values })] });
  const outcomes = await Promise.allSettled(
    Array.from({ length: 8 }, (_, i) => store.commit({ putSnapshots: [state("a", i, { values })] })),
  );
  const failed = outcomes.filter(({ status }) => status === "rejected");
  expect(failed.length).toBeGreaterThan(0);
  for (const { reason } of failed as PromiseRejectedResult[]) expect(reason).toMatchObject({ kind: "FULL" });
  expect((await store.load()).snapshots).toHaveLength(8 - failed.length);
  expect((await store.readHead("a")).arrays).toEqual(state("a", 0, { values }).arrays);
  await store.commit({ deleteSessions: ["a"] });
  await store.commit({ putSessions: [session("b", 1)], putHeads: [state("b", 0, { values })] });
});

test("a deletion that comes together with what finds no room is done", async () => {
  const store = await openStore({ directory: undefined, holder: "the test", maxEphemeralBytes: 1_000_000 });
  onTestFinished(() => store.close());
  await store.commit({
    putSessions: [session("a", 1), session("b", 2)],
    putHeads: [state("a", 0, { values }), state("b", 0, { values })],
  });
  const tooLarge = { putSnapshots: [state("a", 1, { values: 20 * values })] };
  const small = (step: number) => ({
    putEvents: [{ session: "a", step, timeMs: 0, kind: "step", body: null }],
  });
  const outcomes = await Promise.allSettled(
    [small(1), tooLarge, { deleteSessions: ["b"] }, tooLarge, small(2)].map((unit) => store.commit(unit)),
  );
  expect(outcomes.map(({ status }) => status)).toEqual([
    ...["fulfilled", "rejected", "fulfilled", "rejected", "fulfilled"],
  ]);
  expect((await store.load()).sessions.map(({ id }) => id)).toEqual(["a"]);
  expect(await store.readEvents("a")).toHaveLength(2);
});

test("a backup to a full disk fails and leaves nothing", async (context) => {
  const directory = smallDisk();
  if (directory === undefined) return context.skip("may not mount a tmpfs");
  const store = await open(scratch());
  await store.commit({
    putSessions: [session("a", 1)],
    putSnapshots: [1, 2, 3].map((step) => state("a", step, { values: 1 << 19 })),
  });
  await expect(store.backup(join(directory, "backup.db"))).rejects.toMatchObject({ kind: "FULL" });
  const { bavail, blocks } = statfsSync(directory);
  expect(bavail).toBe(blocks);
});
