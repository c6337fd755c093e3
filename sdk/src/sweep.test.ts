import { SweepEndReason, SweepService, SweepState } from "@grokbox/proto/sweep";
import { expect, test } from "vitest";
import { cancelledAtFirst } from "./testing/cancelling.ts";
import { connect, info } from "./testing/messages.ts";
import { on, serve } from "./testing/scripted-server.ts";

const sweep = { name: "sweeps/a", state: SweepState.FINISHED };
const runs = [1n, 2n, 3n].map((sequence) => ({ sequence }));
const { getSweep, listSweepRuns, getSweepBands, watchSweep } = SweepService.method;
const scripts = [
  info,
  on(getSweep, () => ({ sweep })),
  on(listSweepRuns, () => ({ runs })),
  on(getSweepBands, () => ({ groups: [{ group: 0 }, { group: 1 }] })),
  on(watchSweep, async function* () {
    yield { event: { case: "runs" as const, value: { runs } } };
    yield { event: { case: "end" as const, value: { reason: SweepEndReason.FINISHED, sweep } } };
  }),
];

test.each(["runs", "watch", "summaries", "bands"] as const)(
  "the caller's signal ends %s within an answer",
  async (verb) => {
    await using server = await serve(...scripts);
    await using box = await connect(server.address);
    const handle = await box.openSweep("sweeps/a");
    const cancelled = await cancelledAtFirst((signal) => handle[verb]({ signal }));
    expect(cancelled).toEqual({ seen: 1, failure: expect.objectContaining({ reason: "CANCELLED" }) });
  },
);

test("letting go of the handle ends a watch quietly within a batch", async () => {
  await using server = await serve(...scripts);
  await using box = await connect(server.address);
  const handle = await box.openSweep("sweeps/a");
  const seen = [];
  for await (const run of handle.runs()) {
    seen.push(run.sequence);
    await handle[Symbol.asyncDispose]();
  }
  expect(seen).toEqual([1]);
});
