import { createHash } from "node:crypto";
import { statSync } from "node:fs";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { describe, expect, onTestFinished, test } from "vitest";
import { migrations } from "./migrations.ts";
import type { AnswerRow } from "./rows.ts";
import { session, state } from "./testing/rows.ts";
import { open, scratch } from "./testing/scratch.ts";

const later = Date.now() + 3_600_000;

function answer(requestId: string, expireTimeMs = later): AnswerRow {
  return { requestId, fingerprint: "f", method: "m", response: Uint8Array.of(1, 2, 3), expireTimeMs };
}

function sha256(arrays: readonly { data: Float32Array }[]): Uint8Array {
  const hash = createHash("sha256");
  for (const { data } of arrays) hash.update(new Uint8Array(data.buffer, data.byteOffset, data.byteLength));
  return new Uint8Array(hash.digest());
}

for (const kind of ["in a file", "in memory"] as const) {
  const place = () => (kind === "in a file" ? scratch() : undefined);

  describe(`a store ${kind}`, () => {
    test("gives back a state as it was put, in memory of its own", async () => {
      const store = await open(place());
      const snapshot = state("a", 5, { pinned: true, kind: "scheduled" });
      const { sha256: digests } = await store.commit({
        putSessions: [session("a", 1)],
        putHeads: [state("a", 7)],
        putSnapshots: [snapshot],
      });
      expect(digests).toEqual([sha256(state("a", 7).arrays), sha256(snapshot.arrays)]);
      const { sha256: digest, bytes, tensors, ...read } = await store.readSnapshot("a", 5);
      expect(read).toEqual(snapshot);
      expect(digest).toEqual(digests[1]);
      expect(bytes).toBe(2 * 64 * 4);
      expect(tensors).toEqual(snapshot.arrays.map(({ name, shape }) => ({ name, shape })));
      for (const { data } of read.arrays) expect(data.byteLength).toBe(data.buffer.byteLength);
      expect((await store.readHead("a")).step).toBe(7);
    });

    test("loads sessions by ordinal, snapshots by step, and answers that are still good, the oldest first", async () => {
      const store = await open(place());
      const b = session("b", 2, { parent: { session: "a", step: 5 } });
      await store.commit({
        putSessions: [b, session("a", 1)],
        putSnapshots: [state("a", 20), state("a", 3)],
        putAnswers: [answer("z"), answer("old", Date.now() - 1), answer("y")],
      });
      const { sessions, snapshots, answers, damaged, lastEnd } = await store.load();
      expect(sessions).toEqual([session("a", 1), b]);
      expect(snapshots.map(({ step }) => step)).toEqual([3, 20]);
      expect(snapshots[0]).toMatchObject({ session: "a", kind: "user", meta: state("a", 3).meta });
      expect(answers).toEqual([answer("z"), answer("y")]);
      expect(damaged).toEqual([]);
      expect(lastEnd).toBe("clean");
    });

    test("keeps a head that was put as a snapshot when the snapshot is deleted, and the other way round", async () => {
      const store = await open(place());
      await store.commit({
        putSessions: [session("a", 1)],
        putSnapshots: [state("a", 1, { head: true })],
      });
      await store.commit({ deleteSnapshots: [{ session: "a", step: 1 }] });
      expect((await store.readHead("a")).arrays).toEqual(state("a", 1).arrays);
      await store.commit({ putSnapshots: [state("a", 2, { head: true })] });
      await store.commit({ putHeads: [state("a", 3)] });
      expect((await store.readSnapshot("a", 2)).arrays).toEqual(state("a", 2).arrays);
      expect((await store.readHead("a")).arrays).toEqual(state("a", 3).arrays);
    });

    test("refuses a snapshot that is there already, and replaces it when told to", async () => {
      const store = await open(place());
      await store.commit({ putSessions: [session("a", 1)], putSnapshots: [state("a", 1)] });
      const other = state("a", 1, { kind: "scheduled" });
      await expect(
        store.commit({ putSessions: [session("b", 2)], putSnapshots: [other] }),
      ).rejects.toMatchObject({ kind: "EXISTS", session: "a", step: 1 });
      expect((await store.load()).sessions).toHaveLength(1);
      await store.commit({ putSnapshots: [{ ...other, replace: true }] });
      expect((await store.readSnapshot("a", 1)).kind).toBe("scheduled");
    });

    test("deletes a session with all that is its own, but for its events", async () => {
      const store = await open(place());
      await store.commit({
        putSessions: [session("a", 1), session("b", 2)],
        putSnapshots: [state("a", 1), state("b", 1)],
        putHeads: [state("a", 2)],
        appendProgress: [{ session: "a", firstSequence: 1, count: 1, data: Uint8Array.of(1) }],
        putEvents: [{ session: "a", step: 0, timeMs: 5, kind: "start", body: { by: "a test" } }],
      });
      await store.commit({
        deleteSessions: ["a"],
        putEvents: [{ session: "a", step: 2, timeMs: 6, kind: "delete", body: null }],
      });
      await expect(store.readHead("a")).rejects.toMatchObject({ kind: "MISSING", session: "a" });
      await expect(store.readSnapshot("a", 1)).rejects.toMatchObject({ kind: "MISSING", step: 1 });
      expect(await store.readProgress("a")).toEqual([]);
      expect((await store.readEvents("a")).map(({ kind }) => kind)).toEqual(["start", "delete"]);
      expect((await store.load()).snapshots.map(({ session }) => session)).toEqual(["b"]);
    });

    test("appends progress without overlap, cuts it at a sequence, and trims whole rows", async () => {
      const store = await open(place());
      const points = (firstSequence: number, count: number) => ({
        session: "a",
        firstSequence,
        count,
        data: Uint8Array.from({ length: count * 2 }, (_, i) => firstSequence + (i >> 1)),
      });
      await store.commit({
        putSessions: [session("a", 1)],
        appendProgress: [points(1, 3), points(4, 4), points(8, 1)],
      });
      await expect(store.commit({ appendProgress: [points(8, 2)] })).rejects.toMatchObject({
        kind: "INVALID",
      });
      await store.commit({
        truncateProgress: [{ session: "a", afterSequence: 5 }],
        appendProgress: [points(6, 2)],
        trimProgress: [{ session: "a", beforeSequence: 4 }],
      });
      const plain = ({ session: _, ...row }: ReturnType<typeof points>) => row;
      expect(await store.readProgress("a")).toEqual([points(4, 2), points(6, 2)].map(plain));
    });

    test("updates what it is told of a snapshot, and nothing else", async () => {
      const store = await open(place());
      await store.commit({ putSessions: [session("a", 1)], putSnapshots: [state("a", 1)] });
      await store.commit({ updateSnapshots: [{ session: "a", step: 1, pinned: true }] });
      expect(await store.readSnapshot("a", 1)).toMatchObject({ ...state("a", 1), pinned: true });
      await expect(
        store.commit({ updateSnapshots: [{ session: "a", step: 2, pinned: true }] }),
      ).rejects.toMatchObject({ kind: "MISSING", session: "a", step: 2 });
    });

    test("refuses what belongs to no session, and what has another shape than its data", async () => {
      const store = await open(place());
      await expect(store.commit({ putHeads: [state("nobody", 1)] })).rejects.toMatchObject({
        kind: "MISSING",
      });
      const [theta] = state("a", 1).arrays;
      await expect(
        store.commit({
          putSessions: [session("a", 1)],
          putHeads: [state("a", 1, { arrays: [{ ...theta!, shape: [3, 3] }] })],
        }),
      ).rejects.toMatchObject({ kind: "INVALID", message: "theta has 64 values, its shape is [3,3]" });
      expect((await store.load()).sessions).toEqual([]);
    });

    test("moves the buffers that are to be transferred, and copies only what is shown of the others", async () => {
      const store = await open(place());
      const input = state("a", 1);
      const whole = new Float32Array(1_000);
      whole.set(input.arrays[1]!.data, 100);
      const shown = whole.subarray(100, 164);
      const moved = input.arrays[0]!.data;
      await store.commit(
        {
          putSessions: [session("a", 1)],
          putHeads: [
            {
              ...input,
              arrays: [input.arrays[0]!, { ...input.arrays[1]!, data: shown }],
              train: input.train,
            },
          ],
        },
        [moved.buffer as ArrayBuffer],
      );
      expect(moved).toHaveLength(0);
      expect(shown).toHaveLength(64);
      expect((await store.readHead("a")).arrays).toEqual(state("a", 1).arrays);
    });

    test("writes commits that come together together, and fails only the one at fault", async () => {
      const store = await open(place());
      await store.commit({ putSessions: [session("a", 1)] });
      const outcomes = await Promise.allSettled(
        Array.from({ length: 20 }, (_, i) =>
          store.commit({ putSnapshots: [state(i === 7 ? "nobody" : "a", i)] }),
        ),
      );
      expect(outcomes.flatMap(({ status }, i) => (status === "rejected" ? [i] : []))).toEqual([7]);
      expect((await store.usage()).snapshots).toBe(19);
    });

    test("does nothing any more once it is closed", async () => {
      const store = await open(place());
      await store.close();
      await store.close();
      for (const call of [store.load(), store.commit({}), store.usage(), store.backup("nowhere")]) {
        await expect(call).rejects.toMatchObject({ name: "StoreError", kind: "CLOSED" });
      }
    });
  });
}

test("everything is there when a store is opened again, and it says whether it was closed", async () => {
  const directory = scratch();
  const first = await open(directory);
  await first.commit({ putSessions: [session("a", 1)], putSnapshots: [state("a", 1, { head: true })] });
  await first.close();
  const second = await open(directory);
  expect((await second.load()).lastEnd).toBe("clean");
  expect((await second.readHead("a")).arrays).toEqual(state("a", 1).arrays);
});

test("directory and files are their owner's only", async () => {
  const directory = join(scratch(), "data");
  const store = await open(directory);
  await store.commit({ putSessions: [session("a", 1)] });
  expect(statSync(directory).mode & 0o777).toBe(0o700);
  for (const file of ["grokbox.db", "grokbox.db-wal", "lock.db", "holder.json"]) {
    expect(statSync(join(directory, file)).mode & 0o777, file).toBe(0o600);
  }
});

test("a file of a newer version and one of another program are refused, and stay as they are", async () => {
  const directory = scratch();
  await (await open(directory)).close();
  const edit = (pragma: string) => {
    const db = new DatabaseSync(join(directory, "grokbox.db"));
    db.exec(pragma);
    db.close();
  };
  edit(`PRAGMA user_version = ${migrations.length + 1}`);
  await expect(open(directory)).rejects.toMatchObject({
    kind: "NEWER",
    message: expect.stringContaining(`version ${migrations.length + 1}`),
  });
  edit(`PRAGMA user_version = ${migrations.length}; PRAGMA application_id = 1`);
  await expect(open(directory)).rejects.toMatchObject({ kind: "CORRUPT" });
});

test("a commit larger than the WAL may stay leaves it small again", async () => {
  const store = await open(scratch());
  await store.commit({ putSessions: [session("a", 1)] });
  for (let step = 0; step < 4; step += 1) {
    await store.commit({ putHeads: [state("a", step, { values: 6 << 20 })] });
  }
  const { walBytes, fileBytes } = await store.usage();
  expect(walBytes).toBeLessThan(3 * 50e6);
  expect(fileBytes).toBeLessThan(4 * 50e6);
});

test("of a store in memory the newest 10,000 events are kept", async () => {
  const store = await open(undefined);
  const event = (step: number) => ({ session: "a", step, timeMs: 5, kind: "start", body: 0 });
  const steps = async () => (await store.readEvents("a")).map(({ step }) => step);
  for (const [first, end] of [
    [0, 16_000],
    [16_000, 16_600],
  ] as const) {
    await store.commit({ putEvents: Array.from({ length: end - first }, (_, i) => event(first + i)) });
    // In bites, between other calls.
    await expect.poll(async () => (await steps()).length).toBe(10_000);
    expect((await steps()).at(-1)).toBe(end - 1);
  }
});

test("answers are kept to the newest 10,000, and expired ones go", async () => {
  const store = await open(scratch());
  const answers = Array.from({ length: 10_600 }, (_, i) => answer(`r${i}`, i === 10_599 ? 1 : later));
  await store.commit({ putAnswers: answers });
  await store.commit({ putAnswers: [answer("r700")] });
  const { answers: kept } = await store.load();
  expect(kept).toHaveLength(10_000);
  expect(kept[0]!.requestId).toBe("r599");
  expect(kept.at(-1)!.requestId).toBe("r700");
});

test("answers are kept to the newest 64 MiB; what goes beyond is neither kept nor loaded, and the newest always is", async () => {
  const store = await open(scratch());
  const large = (i: number, bytes: number) => ({ ...answer(`r${i}`), response: new Uint8Array(bytes) });
  for (let i = 0; i < 100; i += 1) await store.commit({ putAnswers: [large(i, 1 << 20)] });
  const file = new DatabaseSync(store.path!, { readOnly: true });
  onTestFinished(() => file.close());
  const stored = () => file.prepare("SELECT count(*) AS n FROM answers").get()!.n;
  const ids = async () => (await store.load()).answers.map(({ requestId }) => requestId);
  const newest = Array.from({ length: 64 }, (_, i) => `r${36 + i}`);
  expect(await ids()).toEqual(newest);
  // As many as there may be come between two removals.
  expect(stored()).toBeLessThan(64 + 17);
  await store.commit({ putAnswers: [large(100, 65 << 20)] });
  expect(await ids()).toEqual(["r100"]);
  expect(stored()).toBe(1);
});

test("the space of deleted sessions goes back to the file system by and by", async () => {
  const store = await open(scratch());
  for (let i = 0; i < 5; i += 1) {
    await store.commit({
      putSessions: [session(`s${i}`, i)],
      putHeads: [state(`s${i}`, 1, { values: 3 << 20 })],
    });
  }
  const before = (await store.usage()).fileBytes;
  await store.commit({ deleteSessions: ["s0", "s1", "s2", "s3", "s4"] });
  await expect
    .poll(async () => (await store.usage()).fileBytes, { timeout: 20_000 })
    .toBeLessThan(before / 1.6);
});
