import type { Trigger as TriggerMessage } from "@grokbox/proto/retention";
import { Comparison, Measure } from "@grokbox/proto/run";
import { SessionService } from "@grokbox/proto/session";
import { type SetTriggersRequest, TrainingService } from "@grokbox/proto/training";
import { expect, test } from "vitest";
import { connect, info, session } from "./testing/messages.ts";
import { on, serve } from "./testing/scripted-server.ts";
import type { TriggerInput } from "./trigger.ts";

const found = on(SessionService.method.getSession, () => ({ session: session() }));

/** What a server is asked to set, and what the session has when the server has set that. */
async function set(triggers: readonly TriggerInput[]) {
  let seen: SetTriggersRequest | undefined;
  const script = on(TrainingService.method.setTriggers, (request) => {
    seen = request;
    const answered = request.triggers.map((trigger: TriggerMessage) => ({
      ...trigger,
      fired: 3,
      lastFiredStep: 200n,
      lastError: "the disk is full",
    }));
    return { session: session({ triggers: answered as never }) };
  });
  await using server = await serve(info, found, script);
  await using box = await connect(server.address);
  const { triggers: held } = await (await box.session("sessions/a")).setTriggers(triggers);
  return { request: seen!, held };
}

const when = { measure: "testAccuracy", atLeast: 0.99, forRecorded: 10 } as const;
const fired = { fired: 3, lastFiredStep: 200, lastError: "the disk is full" };

test("every action goes out and comes back, and what came back can be set again", async () => {
  const { request, held } = await set([
    { name: "keep", when, action: { kind: "snapshot", label: "grokked" }, repeat: true },
    { name: "stop", when: { measure: "trainLoss", atMost: 1e-3 }, action: "pause" },
    {
      name: "branch",
      when,
      action: {
        kind: "fork",
        changes: { weightDecay: 0, keepFrequencies: [1, 4] },
        labels: { of: "me" },
        runUntilStep: 5_000,
      },
    },
  ]);
  expect(request.requestId).toMatch(/^[0-9a-f-]{36}$/);
  expect(request.triggers).toMatchObject([
    {
      name: "keep",
      when: {
        measure: Measure.TEST_ACCURACY,
        comparison: Comparison.AT_LEAST,
        value: 0.99,
        forRecorded: 10,
      },
      action: { case: "snapshot", value: { label: "grokked" } },
      repeat: true,
    },
    {
      name: "stop",
      when: { measure: Measure.TRAIN_LOSS, comparison: Comparison.AT_MOST },
      action: { case: "pause" },
    },
    {
      name: "branch",
      action: {
        case: "fork",
        value: {
          changes: {
            spec: { optimizer: { kind: { case: "adamw", value: { weightDecay: 0 } } } },
            keepFrequencies: [1, 4],
          },
          labels: { of: "me" },
          runUntilStep: 5_000n,
        },
      },
    },
  ]);
  expect(held).toEqual([
    { name: "keep", when, action: { kind: "snapshot", label: "grokked" }, repeat: true, ...fired },
    {
      name: "stop",
      when: { measure: "trainLoss", atMost: 1e-3 },
      action: { kind: "pause" },
      repeat: false,
      ...fired,
    },
    {
      name: "branch",
      when,
      action: {
        kind: "fork",
        changes: { optimizer: { kind: "adamw", weightDecay: 0 }, keepFrequencies: [1, 4] },
        labels: { of: "me" },
        runUntilStep: 5_000,
      },
      repeat: false,
      ...fired,
    },
  ]);
  const again = await set(held);
  expect(again.held).toEqual(held);
});

test("a trigger that is newer than this SDK is left out", async () => {
  const strange = on(SessionService.method.getSession, () => ({
    session: session({ triggers: [{ name: "strange", when: { measure: 99 as never, value: 1 } }] }),
  }));
  await using server = await serve(info, strange);
  await using box = await connect(server.address);
  expect((await box.session("sessions/a")).info.triggers).toEqual([]);
});

test.each([
  [{ measure: "beauty" as never, atLeast: 1 }, "snapshot" as const, "triggers[0].when.measure"],
  [{ measure: "ipr" } as never, "snapshot" as const, "triggers[0].when"],
  [when, "explode" as never, "triggers[0].action"],
  [when, { kind: "fork", runUntilStep: -1 } as const, "triggers[0].fork.run_until_step"],
])("%j with %j can't be sent, and the error names %s", async (condition, action, field) => {
  await expect(set([{ name: "x", when: condition, action }])).rejects.toMatchObject({
    reason: "INVALID_FIELD",
    violations: [{ field }],
  });
});
