import { type ForkSessionRequest, SessionService } from "@grokbox/proto/session";
import { expect, test } from "vitest";
import type { ForkOptions } from "./fork.ts";
import { connect, info, session, spec } from "./testing/messages.ts";
import { on, serve } from "./testing/scripted-server.ts";

const sgd = { kind: { case: "sgd" as const, value: { learningRate: 0.1, weightDecay: 0 } } };

/** What a server is asked when a session with AdamW, or with SGD, is forked so. */
async function requestOf(options: ForkOptions, optimizer = spec.optimizer): Promise<ForkSessionRequest> {
  let seen: ForkSessionRequest | undefined;
  const found = on(SessionService.method.getSession, () => ({
    session: session({ spec: { ...spec, optimizer } as never }),
  }));
  const fork = on(SessionService.method.forkSession, (request) => {
    seen = request;
    return { session: session({ name: "sessions/branch" }) };
  });
  await using server = await serve(info, found, fork);
  await using box = await connect(server.address);
  await using handle = await box.session("sessions/a");
  await using branch = await handle.fork(options);
  expect([handle.name, branch.name]).toEqual(["sessions/a", "sessions/branch"]);
  return seen!;
}

test("of a snapshot, with one change, under a request_id", async () => {
  const request = await requestOf({ at: 2_200, weightDecay: 0 });
  expect(request).toMatchObject({
    source: "sessions/a/snapshots/2200",
    labels: {},
    engine: "",
    changes: {
      spec: { optimizer: { kind: { case: "adamw", value: { weightDecay: 0 } } } },
      removeFrequencies: [],
      keepFrequencies: [],
    },
  });
  const { kind } = request.changes!.spec!.optimizer!;
  expect((kind.value as { learningRate?: number }).learningRate).toBeUndefined();
  expect(request.changes!.spec!.activation).toBeUndefined();
  expect(request.requestId).toMatch(/^[0-9a-f-]{36}$/);
});

test("of the present state, without any change, at a step that it must be at", async () => {
  const request = await requestOf({ expectedStep: 7 });
  expect(request).toMatchObject({ source: "sessions/a", expectedStep: 7n });
  expect(request.changes).toBeUndefined();
  expect(request.recordEvery).toBeUndefined();
  expect(request.snapshotSchedule).toBeUndefined();
});

test("a learning rate or a weight decay is one of the source's kind of optimizer", async () => {
  const request = await requestOf({ learningRate: 0.5, weightDecay: 1e-3 }, sgd as never);
  expect(request.changes!.spec!.optimizer!.kind).toMatchObject({
    case: "sgd",
    value: { learningRate: 0.5, weightDecay: 1e-3 },
  });
  const other = await requestOf({ optimizer: "adamw", learningRate: 0.5 }, sgd as never);
  expect(other.changes!.spec!.optimizer!.kind).toMatchObject({ case: "adamw", value: { learningRate: 0.5 } });
});

test("everything at once", async () => {
  const request = await requestOf({
    activation: "abs",
    warmupSteps: 0,
    split: { kind: "explicit", trainPairs: [1, 2] },
    removeFrequencies: [3, 5],
    labels: { by: "me" },
    engine: "cpu",
    recordEvery: 10,
    snapshotSchedule: {
      everySteps: 500,
      powersOfTwo: true,
      atSteps: [2_200],
      atStageChanges: true,
      retain: 5,
    },
  });
  expect(request).toMatchObject({
    labels: { by: "me" },
    engine: "cpu",
    recordEvery: 10,
    changes: {
      spec: {
        activation: "abs",
        schedule: { warmupSteps: 0 },
        split: { kind: { case: "explicit", value: { trainPairs: [1, 2] } } },
      },
      removeFrequencies: [3, 5],
    },
    snapshotSchedule: {
      everySteps: 500n,
      powersOfTwo: true,
      atSteps: [2_200n],
      atStageChanges: true,
      retain: 5,
    },
  });
});

test.each([
  [{ at: 1, expectedStep: 1 }, "expected_step"],
  [{ at: 1.5 }, "at"],
  [{ keepFrequencies: [] }, "changes.keep_frequencies"],
  [{ optimizer: "adam" as never }, "changes.spec.optimizer.kind"],
  [{ weightDecay: "2" as never }, "changes.spec.optimizer.adamw.weight_decay"],
  [{ snapshotSchedule: { atSteps: [1, -1] } }, "snapshot_schedule.at_steps[1]"],
])("%j can't be sent, and the error names %s", async (options, field) => {
  await expect(requestOf(options)).rejects.toMatchObject({
    reason: "INVALID_FIELD",
    violations: [{ field }],
  });
});
