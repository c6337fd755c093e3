import { once } from "node:events";
import { createServer, type Server } from "node:http";
import { setTimeout as delay } from "node:timers/promises";
import { create, toBinary } from "@bufbuild/protobuf";
import { LiveRequestSchema } from "@grokbox/proto/live";
import { afterEach, beforeEach, expect, test } from "vitest";
import { WebSocket } from "ws";
import { completeSpec } from "../../model/presets.ts";
import type { Registry } from "../../sessions/registry.ts";
import type { Session } from "../../sessions/session.ts";
import { openTestRegistry, unrepeated } from "../../sessions/testing/registry.ts";
import { Bridge, type Patience } from "./bridge.ts";

const never = new AbortController().signal;
let registry: Registry;
let session: Session;
let server: Server;
let bridge: Bridge;
const defects: unknown[] = [];

beforeEach(async () => {
  registry = await openTestRegistry({ threads: 1, limits: { retainedProgressPoints: 30_000 } });
  const spec = completeSpec({ modulus: 3, width: 8 }, "standard");
  session = await registry.start({ spec, preset: "", labels: {}, engine: "auto", recordEvery: 1 });
});

afterEach(async () => {
  await bridge.close();
  server.close();
  await registry.shutDown();
  await registry.close();
  expect(defects).toEqual([]);
});

async function listen(patience: Patience): Promise<number> {
  bridge = new Bridge(
    { registry, origins: [], onDefect: (_, error) => defects.push(error), onSent: () => {} },
    patience,
  );
  server = createServer().on("upgrade", (request, socket, head) => bridge.upgrade(request, socket, head));
  await once(server.listen(0, "127.0.0.1"), "listening");
  return (server.address() as { port: number }).port;
}

async function connect(port: number, options = {}): Promise<WebSocket> {
  const socket = new WebSocket(`ws://127.0.0.1:${port}/live`, options);
  await once(socket, "open");
  return socket;
}

type Request = Parameters<typeof create<typeof LiveRequestSchema>>[1];

function ask(socket: WebSocket, subscription: number, request: NonNullable<Request>["request"]): void {
  socket.send(toBinary(LiveRequestSchema, create(LiveRequestSchema, { subscription, request: request! })));
}

async function closeOf(socket: WebSocket): Promise<{ code: number; reason: string }> {
  const [code, reason] = await once(socket, "close");
  return { code, reason: String(reason) };
}

test("a connection on which nothing is asked is closed, and one with an open question is not", async () => {
  const socket = await connect(await listen({ pingMs: 30, idleTimeoutMs: 200 }));
  ask(socket, 1, { case: "progress", value: { session: session.name } });
  await delay(600);
  expect([socket.readyState, bridge.size]).toEqual([WebSocket.OPEN, 1]);
  const asked = performance.now();
  ask(socket, 1, { case: "cancel", value: {} });
  expect(await closeOf(socket)).toEqual({
    code: 1000,
    reason: expect.stringMatching(/^nothing was asked for/),
  });
  expect(performance.now() - asked).toBeGreaterThan(190);
  while (bridge.size > 0) await delay(5);
});

test("a viewer that answers no ping is cut off, and what it follows is let go of", async () => {
  const socket = await connect(await listen({ pingMs: 50, idleTimeoutMs: 60_000 }), { autoPong: false });
  ask(socket, 1, { case: "progress", value: { session: session.name } });
  await once(socket, "message");
  expect(session.log.cursors.size).toBe(1);
  expect((await closeOf(socket)).code).toBe(1006);
  while (bridge.size + session.log.cursors.size > 0) await delay(5);
});

test("a viewer that takes nothing more is cut off in the end", async () => {
  await session.advanceBy({ steps: 25_000, expectedStep: undefined, receipt: unrepeated() }, never);
  const socket = await connect(await listen({ pingMs: 100, idleTimeoutMs: 60_000 }));
  socket.pause();
  for (let n = 1; n <= 20; n++) ask(socket, n, { case: "window", value: { session: session.name } });
  while (bridge.size > 0) await delay(20);
  expect(session.log.cursors.size).toBe(0);
  socket.terminate();
});
