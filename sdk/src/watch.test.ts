import { ProgressEndReason } from "@grokbox/proto/progress";
import { SessionService } from "@grokbox/proto/session";
import { TrainingService, type WatchProgressRequest } from "@grokbox/proto/training";
import { expect, test } from "vitest";
import type { ProgressEvent } from "./progress-event.ts";
import type { Session } from "./session.ts";
import { cancelledAtFirst } from "./testing/cancelling.ts";
import { batch, connect, end, gap, heartbeat, info, opened, session } from "./testing/messages.ts";
import { type Call, Failure, on, serve } from "./testing/scripted-server.ts";
import { relayTo } from "./testing/tcp-relay.ts";
import type { WatchOptions } from "./watch.ts";

const found = on(SessionService.method.getSession, () => ({ session: session() }));
const { IDLE, DELETED, SHUTDOWN } = ProgressEndReason;

type Stream = (request: WatchProgressRequest, call: Call) => AsyncIterable<ReturnType<typeof opened>>;

/** A server whose n-th stream of progress is the n-th of these, and what was asked of each. */
async function streams(...scripts: readonly Stream[]) {
  const requests: { from: number | undefined; epoch: string }[] = [];
  const watch = on(TrainingService.method.watchProgress, (request, call) => {
    const { fromSequence, epoch } = request;
    const index = requests.push({
      from: fromSequence === undefined ? undefined : Number(fromSequence),
      epoch,
    });
    return scripts[index - 1]!(request, call);
  });
  return { requests, server: await serve(info, found, watch) };
}

async function events(handle: Session, options: WatchOptions): Promise<(number | ProgressEvent)[]> {
  const seen = [];
  for await (const event of handle.watch(options)) seen.push(event.kind === "point" ? event.sequence : event);
  return seen;
}

const whole: Stream = async function* () {
  yield opened("e", 1, 3);
  yield batch(1, 2, 3);
  yield end(IDLE);
};

const never = new Promise<never>(() => {});

test("points come with their epoch, until the run is over", async () => {
  const { server, requests } = await streams(whole);
  await using _ = server;
  await using box = await connect(server.address);
  const handle = await box.session("sessions/a");
  const seen = [];
  for await (const event of handle.watch({ from: 1, untilIdle: true })) seen.push(event);
  expect(seen).toHaveLength(3);
  expect(seen[1]).toMatchObject({ kind: "point", sequence: 2, step: 200, trainLoss: 0.5, epoch: "e" });
  expect(requests).toEqual([{ from: 1, epoch: "" }]);
});

test("a stream that has told its end is let end, and not cancelled", async () => {
  let isCancelled: boolean | undefined;
  const { server } = await streams(async function* (request, call) {
    yield* whole(request, call);
    await new Promise((resolve) => setTimeout(resolve, 50));
    isCancelled = call.signal.aborted;
  });
  await using _ = server;
  await using box = await connect(server.address);
  expect(await events(await box.session("sessions/a"), { from: 1, untilIdle: true })).toEqual([1, 2, 3]);
  expect(isCancelled).toBe(false);
});

test("a broken connection is resumed after the last sequence seen", async () => {
  const { server, requests } = await streams(
    async function* () {
      yield opened("e", 1, 2);
      yield batch(1, 2);
      await new Promise((resolve) => setTimeout(resolve, 20));
      relay.cut();
      await never;
    },
    async function* () {
      yield opened("e", 1, 4);
      yield batch(3, 4);
      yield end(IDLE);
    },
  );
  await using _ = server;
  await using relay = await relayTo(server.port);
  await using box = await connect(relay.address, { heartbeatMs: 5_000 });
  expect(await events(await box.session("sessions/a"), { from: 1 })).toEqual([1, 2, 3, 4]);
  expect(requests).toEqual([
    { from: 1, epoch: "" },
    { from: 3, epoch: "e" },
  ]);
});

test.each([
  ["UNAVAILABLE", () => Promise.reject(new Failure(14, "restarting"))],
  ["a reset by somebody on the way", () => Promise.reject(new Failure(1, "Call cancelled"))],
  ["an end without a reason", () => Promise.resolve()],
])("%s is resumed", async (_name, finish) => {
  const { server, requests } = await streams(
    async function* () {
      yield opened("e", 1, 1);
      yield batch(1);
      await finish();
    },
    async function* () {
      yield* [];
      await finish();
    },
    async function* () {
      yield opened("e", 1, 2);
      yield batch(2);
      yield end(IDLE);
    },
  );
  await using _ = server;
  await using box = await connect(server.address);
  expect(await events(await box.session("sessions/a"), { from: 1 })).toEqual([1, 2]);
  expect(requests.at(-1)).toEqual({ from: 2, epoch: "e" });
});

test("a watch of only the future misses nothing over a broken connection", async () => {
  const { server, requests } = await streams(
    async function* () {
      yield opened("e", 1, 7);
      throw new Failure(14, "restarting");
    },
    async function* () {
      yield opened("e", 1, 9);
      yield batch(8, 9);
      yield end(IDLE);
    },
  );
  await using _ = server;
  await using box = await connect(server.address);
  expect(await events(await box.session("sessions/a"), {})).toEqual([8, 9]);
  expect(requests).toEqual([
    { from: undefined, epoch: "" },
    { from: 8, epoch: "e" },
  ]);
});

test("a gap is a value, whether the server announces it or not", async () => {
  const { server } = await streams(async function* () {
    yield opened("e", 5, 9);
    yield gap(1, 4);
    yield batch(5, 6);
    yield batch(9);
    yield end(IDLE);
  });
  await using _ = server;
  await using box = await connect(server.address);
  expect(await events(await box.session("sessions/a"), { from: 1 })).toEqual([
    { kind: "gap", firstSequence: 1, lastSequence: 4 },
    5,
    6,
    { kind: "gap", firstSequence: 7, lastSequence: 8 },
    9,
  ]);
});

test("what was seen does not come twice", async () => {
  const { server } = await streams(async function* () {
    yield opened("e", 1, 4);
    yield batch(2, 3);
    yield batch(2, 3, 4);
    yield end(IDLE);
  });
  await using _ = server;
  await using box = await connect(server.address);
  expect(await events(await box.session("sessions/a"), { from: 2 })).toEqual([2, 3, 4]);
});

test("another log under the same name is shown, and watched from its beginning", async () => {
  const { server, requests } = await streams(
    async function* () {
      yield opened("old", 1, 50);
      yield batch(49, 50);
      throw new Failure(14, "restarting");
    },
    async function* () {
      yield opened("new", 1, 2);
      yield batch(1, 2);
      yield end(IDLE);
    },
  );
  await using _ = server;
  await using box = await connect(server.address);
  expect(await events(await box.session("sessions/a"), { from: 49 })).toEqual([
    49,
    50,
    { kind: "reset", epoch: "new" },
    1,
    2,
  ]);
  expect(requests[1]).toEqual({ from: 51, epoch: "old" });
});

test("two missed heartbeats are a broken connection", async () => {
  let cancelled = false;
  const { server, requests } = await streams(
    async function* (_, { signal }) {
      signal.addEventListener("abort", () => {
        cancelled = true;
      });
      yield opened("e", 1, 1);
      yield batch(1);
      await never;
    },
    async function* () {
      yield opened("e", 1, 2);
      yield batch(2);
      yield end(IDLE);
    },
  );
  await using _ = server;
  await using box = await connect(server.address, { heartbeatMs: 100 });
  const began = performance.now();
  expect(await events(await box.session("sessions/a"), { from: 1 })).toEqual([1, 2]);
  expect(performance.now() - began).toBeGreaterThan(200);
  expect(requests).toHaveLength(2);
  expect(cancelled).toBe(true);
});

test("heartbeats keep a silent stream", async () => {
  const { server, requests } = await streams(async function* () {
    yield opened("e", 1, 1);
    for (let i = 0; i < 6; i++) {
      await new Promise((resolve) => setTimeout(resolve, 80));
      yield heartbeat;
    }
    yield batch(1);
    yield end(IDLE);
  });
  await using _ = server;
  await using box = await connect(server.address, { heartbeatMs: 100 });
  expect(await events(await box.session("sessions/a"), { from: 1 })).toEqual([1]);
  expect(requests).toHaveLength(1);
});

test("a slow reader is no silence of the server", async () => {
  const { server, requests } = await streams(whole);
  await using _ = server;
  await using box = await connect(server.address, { heartbeatMs: 60 });
  const handle = await box.session("sessions/a");
  let points = 0;
  for await (const _ of handle.watch({ from: 1 })) {
    points++;
    await new Promise((resolve) => setTimeout(resolve, 200));
  }
  expect(points).toBe(3);
  expect(requests).toHaveLength(1);
});

test("a server that shuts down is waited for", async () => {
  const { server, requests } = await streams(
    async function* () {
      yield opened("e", 1, 1);
      yield batch(1);
      yield end(SHUTDOWN);
    },
    async function* () {
      yield opened("e", 1, 2);
      yield batch(2);
      yield end(IDLE);
    },
  );
  await using _ = server;
  await using box = await connect(server.address);
  expect(await events(await box.session("sessions/a"), { from: 1 })).toEqual([1, 2]);
  expect(requests[1]).toEqual({ from: 2, epoch: "e" });
});

test.each([
  ["does not come back", []],
  ["only opens streams and breaks them", [opened("e", 1, 1)]],
  ["keeps shutting down", [opened("e", 1, 1), end(SHUTDOWN)]],
])("a server that %s is given up after the call deadline", async (_name, messages) => {
  const script: Stream = async function* () {
    yield* messages;
    if (messages.length < 2) throw new Failure(14, "gone");
  };
  const { server } = await streams(...Array.from({ length: 1_000 }, () => script));
  await using _ = server;
  await using box = await connect(server.address, { callDeadlineMs: 150 });
  const began = performance.now();
  await expect(events(await box.session("sessions/a"), {})).rejects.toMatchObject({ code: "UNAVAILABLE" });
  expect(performance.now() - began).toBeLessThan(3_000);
});

test("the end of a deleted session is an error", async () => {
  const { server } = await streams(async function* () {
    yield opened("e", 1, 1);
    yield batch(1);
    yield end(DELETED);
  });
  await using _ = server;
  await using box = await connect(server.address);
  await expect(events(await box.session("sessions/a"), { from: 1 })).rejects.toMatchObject({
    reason: "SESSION_DELETED",
  });
});

test("other failures are told at once", async () => {
  const { server, requests } = await streams(async function* () {
    yield* [];
    throw new Failure(5, "gone", { reason: "SESSION_NOT_FOUND" });
  });
  await using _ = server;
  await using box = await connect(server.address);
  await expect(events(await box.session("sessions/a"), {})).rejects.toMatchObject({
    reason: "SESSION_NOT_FOUND",
  });
  expect(requests).toHaveLength(1);
});

/** A stream that goes on for ever, and tells when its client has left. */
function endless() {
  let tell: () => void;
  const left = new Promise<void>((resolve) => {
    tell = resolve;
  });
  const stream: Stream = async function* (_, { signal }) {
    signal.addEventListener("abort", () => tell());
    yield opened("e", 1, 1);
    yield batch(1);
    await never;
  };
  return { stream, left };
}

test("leaving the loop cancels the call", async () => {
  const { stream, left } = endless();
  const { server } = await streams(stream);
  await using _ = server;
  await using box = await connect(server.address, { heartbeatMs: 5_000 });
  const handle = await box.session("sessions/a");
  for await (const event of handle.watch({ from: 1 })) {
    expect(event.kind).toBe("point");
    break;
  }
  await left;
});

test("the caller's signal ends the iteration with CANCELLED", async () => {
  const { stream, left } = endless();
  const { server } = await streams(stream);
  await using _ = server;
  await using box = await connect(server.address, { heartbeatMs: 5_000 });
  const handle = await box.session("sessions/a");
  const signal = AbortSignal.timeout(50);
  await expect(events(handle, { from: 1, signal })).rejects.toMatchObject({ reason: "CANCELLED" });
  await left;
});

test("the caller's signal ends it within a batch", async () => {
  const { server } = await streams(whole);
  await using _ = server;
  await using box = await connect(server.address);
  const handle = await box.session("sessions/a");
  const cancelled = await cancelledAtFirst((signal) => handle.watch({ from: 1, signal }));
  expect(cancelled).toEqual({ seen: 1, failure: expect.objectContaining({ reason: "CANCELLED" }) });
});

test("letting go of the handle ends it quietly within a batch", async () => {
  const { server } = await streams(whole);
  await using _ = server;
  await using box = await connect(server.address);
  const handle = await box.session("sessions/a");
  const seen = [];
  for await (const event of handle.watch({ from: 1 })) {
    seen.push(event);
    await handle[Symbol.asyncDispose]();
  }
  expect(seen).toHaveLength(1);
});

test("letting go of the handle ends the iteration quietly", async () => {
  const { stream, left } = endless();
  const { server } = await streams(stream);
  await using _ = server;
  await using box = await connect(server.address, { heartbeatMs: 5_000 });
  let watching: Promise<unknown>;
  {
    await using handle = await box.session("sessions/a");
    watching = events(handle, { from: 1 });
    await new Promise((resolve) => setTimeout(resolve, 30));
  }
  expect(await watching).toEqual([1]);
  await left;
});
