import { SessionService } from "@grokbox/proto/session";
import { type GetHistoryRequest, TrainingService } from "@grokbox/proto/training";
import { expect, test } from "vitest";
import { cancelledAtFirst } from "./testing/cancelling.ts";
import { connect, info, point, session } from "./testing/messages.ts";
import { on, type Script, serve } from "./testing/scripted-server.ts";

const found = on(SessionService.method.getSession, () => ({ session: session() }));

/** Two points a page, from the sequence asked for up to 5. */
function pages(requests: GetHistoryRequest[], epoch: (call: number) => string): Script {
  return on(TrainingService.method.getHistory, (request) => {
    const call = requests.push(request);
    const first = Number(request.fromSequence) || 1;
    const sequences = [first, first + 1].filter((sequence) => sequence <= 5);
    return {
      points: sequences.map((sequence) => point(sequence)),
      nextSequence: first + 2 <= 5 ? BigInt(first + 2) : 0n,
      retained: { epoch: epoch(call), oldestSequence: 1n, newestSequence: 5n },
    };
  });
}

async function read(script: Script, from?: number) {
  await using server = await serve(info, found, script);
  await using box = await connect(server.address);
  const handle = await box.session("sessions/a");
  const points = [];
  for await (const each of handle.history({ from })) points.push(each);
  return points;
}

test("the history comes in order, over as many pages as there are, with its epoch", async () => {
  const requests: GetHistoryRequest[] = [];
  const points = await read(pages(requests, () => "e"));
  expect(points.map(({ sequence, step, epoch }) => [sequence, step, epoch])).toEqual(
    [1, 2, 3, 4, 5].map((sequence) => [sequence, 100 * sequence, "e"]),
  );
  expect(requests.map(({ fromSequence }) => fromSequence)).toEqual([0n, 3n, 5n]);
});

test("it begins where it is asked to", async () => {
  const points = await read(
    pages([], () => "e"),
    4,
  );
  expect(points.map(({ sequence }) => sequence)).toEqual([4, 5]);
});

test("pages of different logs are not made one history", async () => {
  await expect(read(pages([], (call) => `epoch ${call}`))).rejects.toMatchObject({
    code: "ABORTED",
    message: expect.stringContaining("was replaced while it was read"),
  });
});

test("the caller's signal ends it within a page", async () => {
  await using server = await serve(
    info,
    found,
    pages([], () => "e"),
  );
  await using box = await connect(server.address);
  const handle = await box.session("sessions/a");
  const cancelled = await cancelledAtFirst((signal) => handle.history({ signal }));
  expect(cancelled).toEqual({ seen: 1, failure: expect.objectContaining({ reason: "CANCELLED" }) });
});
