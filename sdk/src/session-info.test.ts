import { create } from "@bufbuild/protobuf";
import { SessionSchema, SessionService, type UpdateSessionRequest } from "@grokbox/proto/session";
import { expect, test } from "vitest";
import { fromSession } from "./session-info.ts";
import { connect, info, session } from "./testing/messages.ts";
import { on, serve } from "./testing/scripted-server.ts";

const time = { seconds: 1_800_000_000n, nanos: 0 };

test("where a session comes from, what of it is on disk, and what happened to it", () => {
  const read = fromSession(
    create(
      SessionSchema,
      session({
        recordEvery: 50,
        parent: { snapshot: "sessions/b/snapshots/2200", changes: { spec: { activation: "abs" } } },
        durability: { committedStep: 100n, commitTime: time, alarm: "no space left on device" },
        snapshotSchedule: { everySteps: 100n, atSteps: [7n], retain: 3 },
        events: [
          { step: 1n, time, event: { case: "activationSwapped", value: { from: "relu", to: "abs" } } },
          { step: 2n, time, event: { case: "snapshotRestored", value: { fromStep: 9n, toStep: 2n } } },
          { step: 3n, time, event: { case: "sessionForked", value: { session: "sessions/c" } } },
          { step: 4n, time, event: { case: "triggerFired", value: { trigger: "t", detail: "paused" } } },
          { step: 5n, time, event: { case: "engineMoved", value: { from: "webgpu", to: "cpu" } } },
          { step: 6n, time, event: { case: undefined } },
        ],
      }),
    ),
  );
  const at = new Date(1_800_000_000_000);
  expect(read).toMatchObject({
    recordEvery: 50,
    parent: { snapshot: "sessions/b/snapshots/2200", changes: { activation: "abs" } },
    durability: { committedStep: 100, commitTime: at, alarm: "no space left on device" },
    snapshotSchedule: {
      everySteps: 100,
      powersOfTwo: false,
      atSteps: [7],
      atStageChanges: false,
      retain: 3,
    },
    triggers: [],
  });
  expect(read.events).toEqual([
    { kind: "activation-swapped", step: 1, time: at, from: "relu", to: "abs" },
    { kind: "snapshot-restored", step: 2, time: at, fromStep: 9, toStep: 2 },
    { kind: "session-forked", step: 3, time: at, session: "sessions/c" },
    { kind: "trigger-fired", step: 4, time: at, trigger: "t", detail: "paused" },
    { kind: "engine-moved", step: 5, time: at, from: "webgpu", to: "cpu" },
  ]);
});

test("what a session hasn't is absent", () => {
  const read = fromSession(create(SessionSchema, session()));
  for (const key of ["parent", "durability", "snapshotSchedule"]) expect(read).not.toHaveProperty(key);
});

test("an update says only what changes; an empty schedule is one", async () => {
  const requests: UpdateSessionRequest[] = [];
  const found = on(SessionService.method.getSession, () => ({ session: session() }));
  const update = on(SessionService.method.updateSession, (request) => {
    requests.push(request);
    return { session: session({ labels: request.setLabels }) };
  });
  await using server = await serve(info, found, update);
  await using box = await connect(server.address);
  const handle = await box.session("sessions/a");
  await handle.update({ setLabels: { a: "b" }, removeLabels: ["c"] });
  expect(handle.info.labels).toEqual({ a: "b" });
  await handle.update({ snapshotSchedule: {} });
  expect(requests[0]).toMatchObject({ name: "sessions/a", setLabels: { a: "b" }, removeLabels: ["c"] });
  expect(requests[0]!.snapshotSchedule).toBeUndefined();
  expect(requests[1]!.snapshotSchedule).toMatchObject({ powersOfTwo: false, atSteps: [] });
  expect(requests[1]!.requestId).toMatch(/^[0-9a-f-]{36}$/);
});
