import { createServer } from "node:net";
import { ServerService } from "@grokbox/proto/server";
import { SessionService } from "@grokbox/proto/session";
import { TrainingService } from "@grokbox/proto/training";
import { expect, test } from "vitest";
import { Backoff } from "./backoff.ts";
import { GrokboxError } from "./error.ts";
import { Grokbox } from "./grokbox.ts";
import { connect, info, point, session } from "./testing/messages.ts";
import { Failure, on, serve } from "./testing/scripted-server.ts";
import { relayTo } from "./testing/tcp-relay.ts";

const found = on(SessionService.method.getSession, () => ({ session: session() }));
const step = TrainingService.method.step;

test("a mutation is repeated on UNAVAILABLE, under one request_id", async () => {
  const ids: string[] = [];
  const script = on(step, ({ requestId }) => {
    if (ids.push(requestId) < 3) throw new Failure(14, "restarting", { reason: "SHUTTING_DOWN" });
    return { point: point(7), session: session({ step: 700n }) };
  });
  await using server = await serve(info, found, script);
  await using box = await connect(server.address);
  const handle = await box.session("sessions/a");
  expect(await handle.step(700)).toMatchObject({ step: 700 });
  expect(handle.info.step).toBe(700);
  expect(ids).toHaveLength(3);
  expect(new Set(ids).size).toBe(1);
  await handle.step(1);
  expect(new Set(ids).size).toBe(2);
});

test("a lost device is told at once: the server has tried again by itself", async () => {
  let calls = 0;
  const script = on(step, () => {
    calls += 1;
    throw new Failure(14, "the device is lost", { reason: "DEVICE_LOST", metadata: { engine: "webgpu" } });
  });
  await using server = await serve(info, found, script);
  await using box = await connect(server.address);
  await expect((await box.session("sessions/a")).step()).rejects.toMatchObject({
    code: "UNAVAILABLE",
    reason: "DEVICE_LOST",
  });
  expect(calls).toBe(1);
});

test.each([
  [2, "UNKNOWN"],
  [4, "DEADLINE_EXCEEDED"],
  [8, "RESOURCE_EXHAUSTED"],
  [10, "ABORTED"],
  [13, "INTERNAL"],
])("code %i is not retried", async (code, name) => {
  let calls = 0;
  const script = on(step, () => {
    calls++;
    throw new Failure(code, "no");
  });
  await using server = await serve(info, found, script);
  await using box = await connect(server.address);
  await expect((await box.session("sessions/a")).step()).rejects.toMatchObject({ code: name });
  expect(calls).toBe(1);
});

test("a call whose connection breaks is repeated over a new one", async () => {
  const ids: string[] = [];
  const script = on(step, async ({ requestId }) => {
    if (ids.push(requestId) === 1) {
      relay.cut();
      await new Promise(() => {});
    }
    return { point: point(1), session: session() };
  });
  await using server = await serve(info, found, script);
  await using relay = await relayTo(server.port);
  await using box = await connect(relay.address);
  await (await box.session("sessions/a")).step();
  expect(ids).toHaveLength(2);
  expect(ids[0]).toBe(ids[1]);
  expect(relay.accepted).toBe(2);
});

test("the deadline is for all attempts together", async () => {
  let calls = 0;
  const script = on(step, () => {
    calls++;
    throw new Failure(14, "still restarting");
  });
  await using server = await serve(info, found, script);
  await using box = await connect(server.address);
  const handle = await box.session("sessions/a");
  const began = performance.now();
  // Whether it gives up before a wait or is cut off in an attempt, it says what kept it.
  await expect(handle.step(1, { deadlineMs: 200 })).rejects.toThrow(
    /^\[(UNAVAILABLE|DEADLINE_EXCEEDED)\].*still restarting/,
  );
  expect(performance.now() - began).toBeLessThan(3_000);
  expect(calls).toBeGreaterThan(3);
});

test("a call that is not answered ends at its deadline", async () => {
  await using server = await serve(
    info,
    found,
    on(step, () => new Promise<never>(() => {})),
  );
  await using box = await connect(server.address);
  const handle = await box.session("sessions/a");
  const began = performance.now();
  await expect(handle.step(1, { deadlineMs: 150 })).rejects.toMatchObject({ reason: "DEADLINE_EXCEEDED" });
  expect(performance.now() - began).toBeLessThan(3_000);
});

test("a deadline that is none is refused before anything is sent", async () => {
  await using server = await serve(info, found);
  await using box = await connect(server.address);
  for (const deadlineMs of [0, -1, Number.NaN]) {
    await expect(box.info({ deadlineMs })).rejects.toMatchObject({ reason: "INVALID_FIELD" });
  }
});

test("the caller's signal ends a call under way, and the server hears of it", async () => {
  const controller = new AbortController();
  let heard: () => void;
  const cancelled = new Promise<void>((resolve) => {
    heard = resolve;
  });
  const script = on(step, (_, { signal }) => {
    signal.addEventListener("abort", () => heard());
    controller.abort("enough");
    return new Promise<never>(() => {});
  });
  await using server = await serve(info, found, script);
  await using box = await connect(server.address);
  const handle = await box.session("sessions/a");
  await expect(handle.step(1, { signal: controller.signal })).rejects.toMatchObject({
    reason: "CANCELLED",
    cause: "enough",
  });
  await cancelled;
});

test("nothing is tried again after the signal fired", async () => {
  const controller = new AbortController();
  let calls = 0;
  const script = on(step, () => {
    calls++;
    setTimeout(() => controller.abort(), 5);
    throw new Failure(14, "restarting");
  });
  await using server = await serve(info, found, script);
  await using box = await connect(server.address, { backoff: { firstMs: 5_000 } });
  const handle = await box.session("sessions/a");
  const { signal } = controller;
  await expect(handle.step(1, { signal })).rejects.toMatchObject({ reason: "CANCELLED" });
  await expect(handle.step(1, { signal })).rejects.toMatchObject({ reason: "CANCELLED" });
  expect(calls).toBe(1);
});

test("closing the box ends its calls", async () => {
  const script = on(step, () => {
    setTimeout(() => box.close(), 5);
    return new Promise<never>(() => {});
  });
  await using server = await serve(info, found, script);
  await using box = await connect(server.address);
  const handle = await box.session("sessions/a");
  await expect(handle.step()).rejects.toMatchObject({ reason: "CLOSED" });
  await expect(handle.step()).rejects.toMatchObject({ reason: "CLOSED" });
});

test("waits double up to their bound, with full jitter", () => {
  const backoff = new Backoff({ firstMs: 100, mostMs: 400 });
  for (const [failures, bound] of [
    [1, 100],
    [2, 200],
    [3, 400],
    [9, 400],
    [2_000, 400],
  ] as const) {
    const waits = Array.from({ length: 300 }, () => backoff.waitMs(failures));
    expect(Math.max(...waits)).toBeLessThanOrEqual(bound);
    expect(Math.max(...waits)).toBeGreaterThan(bound * 0.8);
    expect(Math.min(...waits)).toBeLessThan(bound * 0.2);
  }
});

test("where nobody listens, connecting fails within its deadline and names the address", async () => {
  const port = await freePort();
  const began = performance.now();
  const error = await Grokbox.connect(`127.0.0.1:${port}`, { deadlineMs: 300 }).catch((error) => error);
  expect(performance.now() - began).toBeLessThan(3_000);
  expect(error).toBeInstanceOf(GrokboxError);
  expect(error.reason).toBe("UNAVAILABLE");
  expect(error.message).toContain(`127.0.0.1:${port}`);
  expect(error.message).toContain("ECONNREFUSED");
});

test("connecting waits for a server that is only just starting", async () => {
  const port = await freePort();
  const connecting = connect(`127.0.0.1:${port}`);
  await new Promise((resolve) => setTimeout(resolve, 60));
  await using server = await serve(info);
  const late = createServer((socket) => {
    relay.push(socket);
    import("node:net").then(({ connect }) => socket.pipe(connect(server.port, "127.0.0.1")).pipe(socket));
  });
  const relay: { destroy(): void }[] = [];
  await new Promise<void>((resolve) => late.listen(port, "127.0.0.1", resolve));
  await using box = await connecting;
  expect((await box.info()).version).toBe("0.0.0");
  late.close();
});

test("what answers but is no grokbox server is told apart", async () => {
  await using server = await serve(found);
  await expect(Grokbox.connect(server.address)).rejects.toMatchObject({
    code: "UNIMPLEMENTED",
    message: expect.stringContaining(`${server.address} is not a grokbox server`),
  });
  expect(ServerService.typeName).toBe("grokbox.v1.ServerService");
});

async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const address = server.address();
  await new Promise((resolve) => server.close(resolve));
  if (address === null || typeof address === "string") throw new Error("no port");
  return address.port;
}
