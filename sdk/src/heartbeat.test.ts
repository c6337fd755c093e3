import { expect, test } from "vitest";
import { attended } from "./heartbeat.ts";
import { connect, info } from "./testing/messages.ts";
import { serve } from "./testing/scripted-server.ts";

async function* later(signal: AbortSignal) {
  await new Promise((resolve) => setTimeout(resolve, 50));
  signal.throwIfAborted();
  yield "heartbeat";
}

test.each([1e9, Number.POSITIVE_INFINITY])("heartbeats may be %s ms apart", async (heartbeatMs) => {
  const seen = [];
  for await (const message of attended(later, heartbeatMs, new AbortController().signal)) seen.push(message);
  expect(seen).toEqual(["heartbeat"]);
});

test.each([0, -1, Number.NaN])("heartbeats %s ms apart are refused", async (heartbeatMs) => {
  await using server = await serve(info);
  await expect(connect(server.address, { heartbeatMs })).rejects.toMatchObject({
    reason: "INVALID_FIELD",
    violations: [{ field: "heartbeatMs", description: `must be greater than 0; got ${heartbeatMs}` }],
  });
});
