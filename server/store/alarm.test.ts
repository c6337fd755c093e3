import { expect, onTestFinished, test } from "vitest";
import { AlarmWatch } from "./alarm.ts";
import { type Alarm, openStore, StoreError } from "./store.ts";
import { session, state } from "./testing/rows.ts";

const small = { values: 1_000 };
const large = { values: 400_000 };

/** Of a store that takes a MB, what it tells of its alarm: the session of one that begins, and that it ended. */
async function open() {
  const told: string[] = [];
  const onAlarm = (alarm: Alarm | undefined) => {
    told.push(alarm === undefined ? "ended" : `${alarm.error.kind} ${alarm.session ?? "anything"}`);
  };
  const store = await openStore({
    directory: undefined,
    holder: "the test",
    maxEphemeralBytes: 1e6,
    onAlarm,
  });
  onTestFinished(() => store.close());
  return { store, told };
}

const ordinals = ["a", "b", "new", "another"];
const head = (id: string, size: { readonly values: number }) => ({
  putSessions: [session(id, ordinals.indexOf(id))],
  putHeads: [state(id, 0, size)],
});
const full = { kind: "FULL" };

test("an alarm is told of once, when the first commit fails, and once when it has ended", async () => {
  const { store, told } = await open();
  await store.commit(head("a", small));
  expect(store.alarm).toBeUndefined();
  for (let i = 0; i < 3; i++) await expect(store.commit(head("a", large))).rejects.toMatchObject(full);
  expect(store.alarm).toMatchObject({ error: full, session: "a" });
  await store.commit(head("a", small));
  await store.commit(head("a", small));
  expect(store.alarm).toBeUndefined();
  expect(told).toEqual(["FULL a", "ended"]);
});

test("while one session can't be stored the alarm goes on, whatever else finds room, and ends when it is deleted", async () => {
  const { store, told } = await open();
  await store.commit(head("a", small));
  await store.commit(head("b", small));
  await expect(store.commit(head("a", large))).rejects.toMatchObject(full);
  await expect(store.commit(head("b", large))).rejects.toMatchObject(full);
  await store.commit({ putEvents: [{ session: "b", step: 0, timeMs: 0, kind: "step", body: null }] });
  await store.commit(head("b", small));
  expect(store.alarm).toMatchObject({ session: "a" });
  await store.commit({ deleteSessions: ["a"] });
  expect(store.alarm).toBeUndefined();
  expect(told).toEqual(["FULL a", "ended"]);
});

test("what could not be begun, and nobody may try again, keeps the alarm up until anything can be stored", async () => {
  const { store, told } = await open();
  await expect(store.commit(head("new", large))).rejects.toMatchObject(full);
  expect(store.alarm).toMatchObject({ error: full, session: undefined });
  await store.commit(head("another", small));
  expect(store.alarm).toBeUndefined();
  expect(told).toEqual(["FULL anything", "ended"]);
});

test("a session that the store had when it was opened is told by name, too, and its thread's end is an alarm", () => {
  const alarms: (Alarm | undefined)[] = [];
  const watch = new AlarmWatch((alarm) => alarms.push(alarm));
  watch.loaded([{ id: "a" }]);
  const error = new StoreError("CLOSED", "the store's thread ended by a defect");
  watch.failed({ putSessions: [session("a", 0)] }, error);
  expect(alarms).toEqual([{ error, session: "a" }]);
});

test("a commit that is itself at fault is no alarm", async () => {
  const { store, told } = await open();
  await store.commit(head("a", small));
  const missing = { updateSnapshots: [{ session: "a", step: 7, pinned: true }] };
  await expect(store.commit({ ...head("a", small), ...missing })).rejects.toMatchObject({ kind: "MISSING" });
  expect(store.alarm).toBeUndefined();
  expect(told).toEqual([]);
});
