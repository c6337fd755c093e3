import fc from "fast-check";
import { expect, test } from "vitest";
import { checkStore } from "./doctor.ts";
import type { Commit, EventRow, ProgressRow, SessionRow, SnapshotInput, StateInput } from "./rows.ts";
import { type Store, StoreError } from "./store.ts";
import { openStoreAgain } from "./testing/kept-threads.ts";
import { session, state } from "./testing/rows.ts";
import { scratch } from "./testing/scratch.ts";

/** What the store should hold, written as plainly as can be. */
class Model {
  readonly sessions = new Map<string, SessionRow>();
  readonly heads = new Map<string, StateInput>();
  readonly snapshots = new Map<string, SnapshotInput>();
  readonly progress = new Map<string, ProgressRow[]>();
  readonly answers = new Map<string, number>();
  readonly events: EventRow[] = [];

  clone(): Model {
    const copy = new Model();
    for (const key of ["sessions", "heads", "snapshots", "progress", "answers"] as const) {
      for (const [k, v] of this[key]) (copy[key] as Map<string, unknown>).set(k, v);
    }
    copy.events.push(...this.events);
    return copy;
  }

  /** Whether the commit is a good one; if not, the model is spoilt. */
  apply(unit: Commit): boolean {
    for (const id of unit.deleteSessions ?? []) {
      this.sessions.delete(id);
      this.heads.delete(id);
      this.progress.delete(id);
      for (const [key, { session }] of this.snapshots) if (session === id) this.snapshots.delete(key);
    }
    for (const { session, step } of unit.deleteSnapshots ?? []) this.snapshots.delete(`${session} ${step}`);
    for (const { session, afterSequence } of unit.truncateProgress ?? []) {
      const rows = (this.progress.get(session) ?? []).flatMap(({ firstSequence, count, data }) => {
        const left = Math.min(count, afterSequence - firstSequence + 1);
        return left < 1 ? [] : [{ firstSequence, count: left, data: data.slice(0, left * 2) }];
      });
      this.progress.set(session, rows);
    }
    for (const row of unit.putSessions ?? []) {
      for (const { id, ordinal } of this.sessions.values()) {
        if (ordinal === row.ordinal && id !== row.id) return false;
      }
      this.sessions.set(row.id, row);
    }
    for (const input of unit.putHeads ?? []) {
      if (!this.sessions.has(input.session)) return false;
      this.heads.set(input.session, input);
    }
    for (const { head, replace, ...input } of unit.putSnapshots ?? []) {
      const key = `${input.session} ${input.step}`;
      if (!this.sessions.has(input.session) || (this.snapshots.has(key) && !replace)) return false;
      this.snapshots.set(key, input);
      if (head) this.heads.set(input.session, input);
    }
    for (const { session, step, ...changes } of unit.updateSnapshots ?? []) {
      const found = this.snapshots.get(`${session} ${step}`);
      if (found === undefined) return false;
      this.snapshots.set(`${session} ${step}`, { ...found, ...changes });
    }
    for (const { session, ...row } of unit.appendProgress ?? []) {
      const rows = this.progress.get(session) ?? [];
      const last = rows.at(-1);
      if (!this.sessions.has(session)) return false;
      if (last !== undefined && row.firstSequence < last.firstSequence + last.count) return false;
      this.progress.set(session, [...rows, row]);
    }
    for (const { session, beforeSequence } of unit.trimProgress ?? []) {
      const rows = this.progress.get(session) ?? [];
      this.progress.set(
        session,
        rows.filter(({ firstSequence, count }) => firstSequence + count > beforeSequence),
      );
    }
    for (const { requestId, expireTimeMs } of unit.putAnswers ?? []) {
      this.answers.delete(requestId);
      this.answers.set(requestId, expireTimeMs);
    }
    this.events.push(...(unit.putEvents ?? []));
    return true;
  }
}

const later = Date.now() + 3_600_000;
const text = fc.oneof(fc.string({ unit: "binary", maxLength: 8 }), fc.constant("Ω\u0000\n"));
const json = fc.jsonValue({ maxDepth: 2 }).map((value) => JSON.parse(JSON.stringify(value)) as unknown);
const ids = ["a", "b", "c"] as const;
const id = fc.constantFrom(...ids);
const step = fc.nat(4);
const key = fc.record({ session: id, step });

const putSession = fc
  .record({ id, ordinal: fc.nat(5), parent: fc.option(key), state: text, epoch: text, step, body: json })
  .map(({ id, ordinal, ...changes }) => session(id, ordinal, changes));
const input = fc
  .record({
    key,
    values: fc.constantFrom(8, 64, 4_000),
    kind: text,
    pinned: fc.boolean(),
    meta: json,
    salt: fc.nat(9),
  })
  .map(({ key: { session, step }, salt, ...changes }) => ({
    ...state(session, step + salt * 1_000, changes),
    step,
  }));
const snapshot = fc
  .record({ input, head: fc.boolean(), replace: fc.boolean() })
  .map(({ input, ...how }) => ({ ...input, ...how }));
const points = fc
  .record({ session: id, firstSequence: fc.integer({ min: 1, max: 30 }), count: fc.nat(5) })
  .map((row) => ({
    ...row,
    count: row.count + 1,
    data: Uint8Array.from({ length: (row.count + 1) * 2 }, (_, i) => row.firstSequence + i),
  }));

const some = <T>(value: fc.Arbitrary<T>) => fc.array(value, { maxLength: 2 });
const commit: fc.Arbitrary<Commit> = fc.record(
  {
    deleteSessions: fc.array(id, { maxLength: 1 }),
    deleteSnapshots: some(key),
    truncateProgress: some(fc.record({ session: id, afterSequence: fc.nat(30) })),
    putSessions: some(putSession),
    putHeads: some(input),
    putSnapshots: some(snapshot),
    updateSnapshots: fc.array(
      fc.record(
        { session: id, step, pinned: fc.boolean(), kind: text, meta: json },
        { requiredKeys: ["session", "step"] },
      ),
      { maxLength: 1 },
    ),
    appendProgress: fc.array(points, { maxLength: 1 }),
    trimProgress: some(fc.record({ session: id, beforeSequence: fc.nat(30) })),
    putAnswers: some(
      fc.record({ requestId: text, expireTimeMs: fc.constantFrom(1, later) }).map((answer) => ({
        ...answer,
        fingerprint: "f",
        method: "m",
        response: new TextEncoder().encode(answer.requestId),
      })),
    ),
    putEvents: some(fc.record({ session: id, step, timeMs: fc.nat(), kind: text, body: json })),
  },
  { requiredKeys: [] },
);
const action = fc.oneof(
  { weight: 6, arbitrary: fc.array(commit, { minLength: 1, maxLength: 4 }) },
  { weight: 1, arbitrary: fc.constant("reopen" as const) },
);

async function expectEqual(store: Store, model: Model): Promise<void> {
  const { sessions, snapshots, answers, damaged } = await store.load();
  expect(damaged).toEqual([]);
  expect(sessions).toEqual([...model.sessions.values()].toSorted((a, b) => a.ordinal - b.ordinal));
  expect(snapshots.map(({ session, step }) => `${session} ${step}`)).toEqual(
    [...model.snapshots.keys()].toSorted(),
  );
  expect(answers.map(({ requestId }) => requestId)).toEqual(
    [...model.answers].flatMap(([requestId, expireTimeMs]) => (expireTimeMs === later ? [requestId] : [])),
  );
  for (const input of model.snapshots.values()) {
    expect(await store.readSnapshot(input.session, input.step)).toMatchObject(plain(input));
  }
  for (const id of ids) {
    const head = model.heads.get(id);
    if (head !== undefined) expect(await store.readHead(id)).toMatchObject(plain(head));
    else await expect(store.readHead(id)).rejects.toMatchObject({ kind: "MISSING" });
    expect(await store.readProgress(id)).toEqual(model.progress.get(id) ?? []);
    expect(await store.readEvents(id)).toEqual(model.events.filter(({ session }) => session === id));
  }
}

function plain({ head: _, replace: __, ...input }: SnapshotInput): StateInput {
  return input;
}

for (const kind of ["in a file", "in memory"] as const) {
  test(`a store ${kind} holds what a plain model holds, whatever is committed, one by one or together`, async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(action, { minLength: 3, maxLength: 20 }), async (actions) => {
        const options = { directory: kind === "in a file" ? scratch() : undefined, holder: "the test" };
        let store = await openStoreAgain(options);
        let model = new Model();
        try {
          // So that most commits find their session.
          const start = { putSessions: ids.map((id, i) => session(id, i)) };
          await store.commit(start);
          model.apply(start);
          for (const action of actions) {
            if (action !== "reopen") {
              const outcomes = await Promise.allSettled(action.map((unit) => store.commit(unit)));
              for (const [i, outcome] of outcomes.entries()) {
                const attempt = model.clone();
                const good = attempt.apply(action[i]!);
                if (good) model = attempt;
                expect(outcome.status, String((outcome as PromiseRejectedResult).reason)).toBe(
                  good ? "fulfilled" : "rejected",
                );
                if (outcome.status === "rejected") expect(outcome.reason).toBeInstanceOf(StoreError);
              }
            } else if (kind === "in a file") {
              await store.close();
              store = await openStoreAgain(options);
            }
            await expectEqual(store, model);
          }
        } finally {
          await store.close();
        }
        if (store.path === undefined) return;
        // No arrays without a state, either.
        for await (const damage of checkStore(store.path)) expect(damage).toBeUndefined();
      }),
      { numRuns: process.env.LONG_TESTS ? 30 : 6 },
    );
  }, 240_000);
}
