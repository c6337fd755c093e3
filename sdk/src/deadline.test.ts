import { setTimeout } from "node:timers/promises";
import { ServerService } from "@grokbox/proto/server";
import { expect, test } from "vitest";
import { Deadline } from "./deadline.ts";
import { connect } from "./testing/messages.ts";
import { on, serve } from "./testing/scripted-server.ts";

test("what is left of a deadline is none once it has passed, and never more than a timer takes", async () => {
  const soon = new Deadline(5);
  expect(soon.leftMs).toBeLessThanOrEqual(5);
  await setTimeout(10);
  expect(soon.leftMs).toBe(0);
  expect(new Deadline(60_000).leftMs).toBeCloseTo(60_000, -3);
  for (const ms of [2 ** 31, Number.MAX_VALUE, Number.POSITIVE_INFINITY]) {
    expect(new Deadline(ms).leftMs).toBe(24 * 86_400_000);
  }
});

test("a call may be given as long as one likes: its server does not take that for no time", async () => {
  const slow = on(ServerService.method.getServerInfo, async () => {
    await setTimeout(20);
    return { version: "0.0.0", limits: {} };
  });
  await using server = await serve(slow);
  await using box = await connect(server.address);
  for (const deadlineMs of [2_147_483_500, 2_147_484_000, 1e12, Number.POSITIVE_INFINITY]) {
    expect(await box.info({ deadlineMs })).toMatchObject({ version: "0.0.0" });
  }
});
