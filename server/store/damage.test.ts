import { copyFileSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { checkStore } from "./doctor.ts";
import type { Damage } from "./rows.ts";
import { type Store, StoreError } from "./store.ts";
import { find, flip } from "./testing/flip.ts";
import { session, state } from "./testing/rows.ts";
import { open, scratch } from "./testing/scratch.ts";

const steps = [0, 1, 2, 3, 4, 5];
const values = 12_000;

/** A store with snapshots of some twelve pages each, closed; a copy for each test. */
async function sound(): Promise<{ directory: string; file: string }> {
  const directory = scratch();
  const store = await open(directory);
  await store.commit({
    putSessions: [session("a", 1), session("b", 2, { body: { note: "the body of b" } })],
    putHeads: [state("a", 9)],
    putSnapshots: steps.map((step) =>
      state("a", step, { values, meta: { note: `the meta of step ${step}` } }),
    ),
    appendProgress: [
      { session: "a", firstSequence: 1, count: 8, data: Buffer.from("progress of a...") },
      { session: "b", firstSequence: 1, count: 8, data: Buffer.from("progress of b...") },
    ],
    putAnswers: [
      {
        requestId: "request 1",
        fingerprint: "f",
        method: "m",
        response: Buffer.from("the answer"),
        expireTimeMs: Date.now() + 1e6,
      },
    ],
    putEvents: [{ session: "a", step: 3, timeMs: 5, kind: "swap", body: "an event of a" }],
  });
  await store.close();
  return { directory, file: join(directory, "grokbox.db") };
}

async function check(file: string): Promise<Damage[]> {
  const damage: Damage[] = [];
  for await (const found of checkStore(file)) damage.push(found);
  return damage;
}

const bytesOf = (data: Float32Array) => new Uint8Array(data.buffer);

test("a sound store has no damage", async () => {
  expect(await check((await sound()).file)).toEqual([]);
});

describe("a flipped bit in one snapshot is found, and the others are unaffected:", () => {
  const { arrays, train } = state("a", 3, { values });
  const places: Record<string, (file: string) => number> = {
    "in the first array": (file) => find(file, bytesOf(arrays[0]!.data).subarray(0, 64)) + 5,
    "in the last array": (file) => find(file, bytesOf(arrays[1]!.data).subarray(-64)) + 63,
    "in the train mask": (file) => {
      // Masks of even and odd steps look alike: that of step 3 lies before its arrays.
      const mask = readFileSync(file);
      const theta = find(file, bytesOf(arrays[0]!.data).subarray(0, 64));
      return mask.subarray(0, theta).lastIndexOf(train) + 100;
    },
    "in the meta data": (file) => find(file, Buffer.from("the meta of step 3")) + 2,
  };
  for (const [where, place] of Object.entries(places)) {
    test(where, async () => {
      const { directory, file } = await sound();
      flip(file, place(file));
      const store = await open(directory);
      const damaged: number[] = [];
      for (const step of steps) {
        try {
          const read = await store.readSnapshot("a", step);
          expect(read.arrays).toEqual(state("a", step, { values }).arrays);
        } catch (error) {
          expect(error).toMatchObject({ name: "StoreError", kind: "CORRUPT", session: "a", step });
          damaged.push(step);
        }
      }
      expect(damaged).toHaveLength(1);
      if (where !== "in the train mask") expect(damaged).toEqual([3]);
      const loaded = await store.load();
      if (where === "in the meta data") {
        expect(loaded.damaged).toEqual([
          { of: "snapshot", session: "a", step: 3, what: "its meta data are damaged" },
        ]);
        expect(loaded.snapshots.map(({ step }) => step)).toEqual([0, 1, 2, 4, 5]);
      } else expect(loaded.damaged).toEqual([]);
      await store.close();
      expect(await check(file)).toMatchObject([{ of: "snapshot", session: "a", step: damaged[0] }]);
      // What is damaged can still be deleted, after which the store is sound.
      const again = await open(directory);
      await again.commit({ deleteSnapshots: [{ session: "a", step: damaged[0]! }] });
      await again.close();
      expect(await check(file)).toEqual([]);
    });
  }
});

test("damage of sessions, progress, answers and events is found and named", async () => {
  const { directory, file } = await sound();
  for (const text of ["the body of b", "progress of a", "the answer", "an event of a"]) {
    flip(file, find(file, Buffer.from(text)) + 6);
  }
  const store = await open(directory);
  const { sessions, answers, damaged } = await store.load();
  expect(sessions.map(({ id }) => id)).toEqual(["a"]);
  expect(answers).toEqual([]);
  expect(damaged).toMatchObject([{ of: "session", session: "b" }, { of: "answer" }]);
  await expect(store.readProgress("a")).rejects.toMatchObject({ kind: "CORRUPT", session: "a" });
  expect(await store.readProgress("b")).toHaveLength(1);
  await expect(store.readEvents("a")).rejects.toMatchObject({ kind: "CORRUPT", session: "a" });
  await store.close();
  expect(await check(file)).toMatchObject([
    { of: "session", session: "b" },
    { of: "progress", session: "a" },
    { of: "answer", what: "the answer to request request 1 is damaged" },
    { of: "event", session: "a", step: 3 },
  ]);
});

test("whichever bit of the file is flipped, no state is read with another content, and only StoreErrors are thrown", async () => {
  const { file: original } = await sound();
  const { size } = statSync(original);
  await fc.assert(
    fc.asyncProperty(fc.nat(size - 1), fc.nat(7), async (offset, bit) => {
      const directory = scratch();
      const file = join(directory, "grokbox.db");
      copyFileSync(original, file);
      flip(file, offset, bit);
      try {
        const store = await open(directory);
        for (const step of steps) await readOrCorrupt(store, step);
        await store.load().catch(expectStoreError);
        await store.close();
      } catch (error) {
        expectStoreError(error);
      }
      await check(file).catch(expectStoreError);
    }),
    { numRuns: 30, seed: 4 },
  );
}, 240_000);

async function readOrCorrupt(store: Store, step: number): Promise<void> {
  try {
    const read = await store.readSnapshot("a", step);
    expect(read).toMatchObject(state("a", step, { values, meta: { note: `the meta of step ${step}` } }));
  } catch (error) {
    expectStoreError(error);
    expect(["CORRUPT", "MISSING"]).toContain((error as StoreError).kind);
  }
}

function expectStoreError(error: unknown): void {
  if (!(error instanceof StoreError)) throw error;
}
