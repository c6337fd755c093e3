import { once } from "node:events";
import { createServer } from "node:net";
import { create, fromBinary, type MessageInitShape, toBinary } from "@bufbuild/protobuf";
import { anyPack } from "@bufbuild/protobuf/wkt";
import { LiveEventSchema, type LiveRequest, LiveRequestSchema } from "@grokbox/proto/live";
import { ProgressEndReason } from "@grokbox/proto/progress";
import { BadRequestSchema, ErrorInfoSchema } from "@grokbox/proto/rpc/error_details";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { type WebSocket as Peer, WebSocketServer } from "ws";
import { point, session } from "../testing/messages.ts";
import { Inbox } from "./inbox.ts";
import type { LinkState } from "./link.ts";
import { Live } from "./live.ts";

type Event = MessageInitShape<typeof LiveEventSchema>["event"];

/** Real WebSockets, on the other side of which a test says what comes. */
let server: WebSocketServer;
let asked: LiveRequest[];
let peers: Peer[];
let onAsked: (request: LiveRequest, peer: Peer) => void;

beforeEach(async () => {
  server = new WebSocketServer({ port: 0, host: "127.0.0.1" });
  [asked, peers, onAsked] = [[], [], () => {}];
  server.on("connection", (peer) => {
    peers.push(peer);
    peer.on("message", (data: Buffer) => {
      const request = fromBinary(LiveRequestSchema, data);
      asked.push(request);
      onAsked(request, peer);
    });
  });
  await once(server, "listening");
});

afterEach(() => {
  vi.useRealTimers();
  for (const peer of server.clients) peer.terminate();
  server.close();
});

const backoff = { firstMs: 1, mostMs: 5 };
const address = () => `127.0.0.1:${(server.address() as { port: number }).port}`;

function tell(peer: Peer, subscription: number, event: Event): void {
  peer.send(toBinary(LiveEventSchema, create(LiveEventSchema, { subscription, event: event! })));
}

const opened = (newest = 0, epoch = "e"): Event => ({
  case: "opened",
  value: { epoch, oldestSequence: 1n, newestSequence: BigInt(newest) },
});
const batch = (...sequences: number[]): Event => ({
  case: "batch",
  value: { points: sequences.map((sequence) => point(sequence)), stride: 1n },
});
const end: Event = { case: "end", value: { reason: ProgressEndReason.IDLE } };

function connect(to = address()): { live: Live; states: LinkState[] } {
  const live = Live.connect(to, { backoff });
  const states: LinkState[] = [live.state];
  live.onState((state) => states.push(state));
  return { live, states };
}

async function sequencesOf(live: Live, options: Parameters<Live["watch"]>[1] = {}): Promise<number[]> {
  const seen = [];
  for await (const event of live.watch("sessions/a", { from: 1, untilIdle: true, ...options })) {
    if (event.kind === "batch") seen.push(...event.points.map(({ sequence }) => sequence));
  }
  return seen;
}

async function until(condition: () => boolean): Promise<void> {
  for (let i = 0; i < 500 && !condition(); i++) await new Promise((resolve) => setTimeout(resolve, 10));
  expect(condition()).toBe(true);
}

/** Fakes the clock of the SDK's timers; sockets go on by themselves. */
function stopTheClock(): (ms: number) => Promise<void> {
  vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout"] });
  return async (ms) => {
    vi.advanceTimersByTime(ms);
    for (let i = 0; i < 30; i++) await new Promise((resolve) => setImmediate(resolve));
  };
}

test("a broken connection is resumed after the last sequence seen, with what is held already", async () => {
  onAsked = ({ subscription }, peer) => {
    tell(peer, subscription, opened(3));
    if (asked.length === 1) {
      tell(peer, subscription, batch(1, 2));
      peer.send(new Uint8Array(0), () => peer.terminate());
    } else {
      tell(peer, subscription, batch(2, 3));
      tell(peer, subscription, end);
    }
  };
  using live = connect().live;
  expect(await sequencesOf(live, { maxPoints: 50, updatesPerSecond: 4 })).toEqual([1, 2, 3]);
  expect(asked.map(({ request }) => request.value)).toMatchObject([
    { fromSequence: 1n, epoch: "", maxPoints: 50, updatesPerSecond: 4, firstSequence: 0n, stride: 1n },
    { fromSequence: 3n, epoch: "e", maxPoints: 50, updatesPerSecond: 4, firstSequence: 1n, stride: 1n },
  ]);
});

test("whatever code the server closes with, what is asked is asked again", async () => {
  const codes = [1000, 1001, 1003, 1007, 1008, 1009, 1011, 4000];
  onAsked = ({ subscription }, peer) => {
    const code = codes[asked.length - 1];
    if (code !== undefined) return peer.close(code, "why it was");
    for (const event of [opened(1), batch(1), end]) tell(peer, subscription, event);
  };
  const { live, states } = connect();
  expect(await sequencesOf(live)).toEqual([1]);
  expect(asked).toHaveLength(codes.length + 1);
  expect(states.filter((state) => state === "open")).toHaveLength(codes.length + 1);
  live.close();
});

test("its states say whether it is connected, tries to be, or has no reason to", async () => {
  onAsked = ({ subscription }, peer) => tell(peer, subscription, opened());
  const { live, states } = connect();
  const controller = new AbortController();
  const watching = sequencesOf(live, { signal: controller.signal });
  await until(() => asked.length === 1);
  peers[0]!.terminate();
  await until(() => asked.length === 2);
  controller.abort();
  await expect(watching).rejects.toMatchObject({ code: "CANCELLED" });
  expect(live.state).toBe("open");
  peers[1]!.terminate();
  await until(() => live.state === "idle");
  expect(states).toEqual(["idle", "connecting", "open", "connecting", "open", "idle"]);
  live.close();
  expect(live.state).toBe("closed");
});

test("nobody asks any more: it gives up trying to connect", async () => {
  const { live } = connect("127.0.0.1:9");
  const controller = new AbortController();
  const watching = sequencesOf(live, { signal: controller.signal });
  await until(() => live.state === "connecting");
  controller.abort();
  await expect(watching).rejects.toMatchObject({ code: "CANCELLED" });
  expect(live.state).toBe("idle");
});

test("a server that takes the connection and says nothing keeps neither signal nor close waiting", async () => {
  const sockets: { destroy(): void }[] = [];
  const mute = createServer((socket) => sockets.push(socket));
  await once(mute.listen(0, "127.0.0.1"), "listening");
  // One of its own, which no connection of before can come to late.
  const others: { destroy(): void }[] = [];
  const otherMute = createServer((socket) => others.push(socket));
  await once(otherMute.listen(0, "127.0.0.1"), "listening");
  const addressOf = (server: typeof mute) => `127.0.0.1:${(server.address() as { port: number }).port}`;
  try {
    const controller = new AbortController();
    const { live } = connect(addressOf(mute));
    const watching = sequencesOf(live, { signal: controller.signal });
    await until(() => sockets.length === 1);
    controller.abort();
    await expect(watching).rejects.toMatchObject({ code: "CANCELLED" });
    const again = sequencesOf(live);
    await until(() => sockets.length > 1);
    live.close();
    await expect(again).rejects.toMatchObject({ reason: "CLOSED" });
    const other = connect(addressOf(otherMute)).live;
    const advance = stopTheClock();
    const patient = sequencesOf(other);
    for (let i = 0; i < 1_000 && others.length === 0; i++) await advance(1);
    await advance(11_000);
    expect(others).toHaveLength(1);
    for (let i = 0; i < 50 && others.length === 1; i++) await advance(100);
    expect(others.length).toBeGreaterThan(1);
    other.close();
    await expect(patient).rejects.toMatchObject({ reason: "CLOSED" });
  } finally {
    for (const socket of [...sockets, ...others]) socket.destroy();
    mute.close();
    otherMute.close();
  }
});

test("silence of two heartbeats and a half breaks the connection, and signs of life keep it", async () => {
  const { live } = connect();
  onAsked = ({ subscription }, peer) => tell(peer, subscription, opened());
  const advance = stopTheClock();
  const watching = sequencesOf(live);
  while (asked.length < 1) await advance(0);
  const [{ subscription }] = asked as [LiveRequest];
  for (let i = 0; i < 5; i++) {
    await advance(10_000);
    tell(peers[0]!, subscription, { case: "heartbeat", value: {} });
    await advance(0);
  }
  expect(peers).toHaveLength(1);
  await advance(12_500);
  for (let i = 0; i < 100 && asked.length < 2; i++) await advance(10);
  expect(peers).toHaveLength(2);
  live.close();
  await expect(watching).rejects.toMatchObject({ reason: "CLOSED" });
});

test("what still comes of a question that was left doesn't make the silence after it a loss", async () => {
  onAsked = ({ subscription, request }, peer) => {
    if (request.case === "progress")
      for (const event of [opened(1), batch(1)]) tell(peer, subscription, event);
  };
  const { live } = connect();
  const advance = stopTheClock();
  for await (const event of live.watch("sessions/a", { from: 1 })) if (event.kind === "batch") break;
  while (asked.length < 2) await advance(0);
  expect(asked[1]).toMatchObject({ subscription: asked[0]!.subscription, request: { case: "cancel" } });
  tell(peers[0]!, asked[0]!.subscription, batch(2));
  await advance(0);
  await advance(60_000);
  expect(live.state).toBe("open");
  live.close();
});

test("a reader that is left far behind asks again from where it is, without a hole", async () => {
  const total = 3 * Inbox.capacity;
  onAsked = ({ subscription, request }, peer) => {
    if (request.case !== "progress") return;
    tell(peer, subscription, opened(total));
    for (let n = Number(request.value.fromSequence); n <= total; n++) tell(peer, subscription, batch(n));
    tell(peer, subscription, end);
  };
  using live = connect().live;
  const seen: number[] = [];
  for await (const event of live.watch("sessions/a", { from: 1, untilIdle: true })) {
    if (event.kind !== "batch") continue;
    seen.push(...event.points.map(({ sequence }) => sequence));
    if (seen.length === 1) await new Promise((resolve) => setTimeout(resolve, 300));
  }
  expect(seen).toEqual(Array.from({ length: total }, (_, i) => i + 1));
  expect(asked.filter(({ request }) => request.case === "progress").length).toBeGreaterThan(1);
  // What it did not take was given up, too.
  expect(asked.some(({ request }) => request.case === "cancel")).toBe(true);
});

test("what is no message, or a text, is bad, and not asked for again", async () => {
  for (const bad of [new Uint8Array([0x0a, 0xff]), "text"]) {
    onAsked = (_, peer) => peer.send(bad);
    const { live } = connect();
    await expect(sequencesOf(live)).rejects.toMatchObject({ code: "DATA_LOSS" });
    expect(live.state).toBe("idle");
    live.close();
  }
  expect(asked).toHaveLength(2);
});

test("a question that can't be answered fails with all that the server said, and the others go on", async () => {
  const details = [
    anyPack(ErrorInfoSchema, create(ErrorInfoSchema, { reason: "INVALID_FIELD", domain: "grokbox" })),
    anyPack(
      BadRequestSchema,
      create(BadRequestSchema, {
        fieldViolations: [{ field: "progress.max_points", description: "must be less" }],
      }),
    ),
  ];
  onAsked = ({ subscription, request }, peer) => {
    if (request.case === "window")
      tell(peer, subscription, { case: "failure", value: { code: 3, message: "no", details } });
    else for (const event of [opened(1), batch(1), end]) tell(peer, subscription, event);
  };
  using live = connect().live;
  await expect(live.window("sessions/a", { firstStep: 0 })).rejects.toMatchObject({
    code: "INVALID_ARGUMENT",
    reason: "INVALID_FIELD",
    violations: [{ field: "progress.max_points", description: "must be less" }],
  });
  expect(await sequencesOf(live)).toEqual([1]);
  expect(peers).toHaveLength(1);
});

test("a value that its field can't hold is refused by name and harms nothing", async () => {
  onAsked = ({ subscription }, peer) => {
    for (const event of [opened(1), batch(1), end]) tell(peer, subscription, event);
  };
  using live = connect().live;
  await expect(sequencesOf(live, { maxPoints: 1.5 })).rejects.toMatchObject({ reason: "INVALID_FIELD" });
  await expect(sequencesOf(live, { from: -1 })).rejects.toMatchObject({ reason: "INVALID_FIELD" });
  await expect(live.window("sessions/a", { firstStep: 0.5 })).rejects.toMatchObject({
    reason: "INVALID_FIELD",
  });
  expect(await sequencesOf(live)).toEqual([1]);
  expect(asked).toHaveLength(1);
});

test("any number of questions share one socket, each with a number of its own", async () => {
  onAsked = ({ subscription }, peer) => {
    for (const event of [opened(2), batch(subscription), end]) tell(peer, subscription, event);
  };
  using live = connect().live;
  const all = await Promise.all(Array.from({ length: 50 }, () => sequencesOf(live, { from: 1 })));
  expect(new Set(all.flat()).size).toBe(50);
  expect(peers).toHaveLength(1);
});

test("a window is what came since it was opened last", async () => {
  onAsked = ({ subscription }, peer) => {
    const gap: Event = { case: "gap", value: { firstSequence: 1n, lastSequence: 4n } };
    for (const event of [opened(9, "a"), gap, batch(5, 6)]) tell(peer, subscription, event);
    if (asked.length === 1) peer.send(new Uint8Array(0), () => peer.terminate());
    else
      for (const event of [opened(3, "b"), batch(2, 3), { case: "done", value: {} } as Event])
        tell(peer, subscription, event);
  };
  using live = connect().live;
  const window = await live.window("sessions/a", { firstStep: 0 });
  expect(window).toMatchObject({ epoch: "b", stride: 1, missing: false });
  expect(window.points.map(({ sequence }) => sequence)).toEqual([2, 3]);
});

test("sessions come again after a break, and signs of life are not changes", async () => {
  const change = (complete: boolean, ...names: string[]): Event => ({
    case: "sessions",
    value: { changed: names.map((name) => session({ name })) as never, removed: [], complete },
  });
  onAsked = ({ subscription }, peer) => {
    tell(peer, subscription, change(false, "sessions/b"));
    tell(peer, subscription, change(true, "sessions/a"));
    tell(peer, subscription, change(true));
    if (asked.length === 1) peer.send(new Uint8Array(0), () => peer.terminate());
    else tell(peer, subscription, change(true, "sessions/c"));
  };
  using live = connect().live;
  const seen: unknown[] = [];
  for await (const { reset, changed, complete } of live.sessions({ labels: { a: "b" } })) {
    seen.push([reset, ...changed.map(({ name }) => name), complete]);
    if (seen.length === 5) break;
  }
  const once = [
    [true, "sessions/b", false],
    [false, "sessions/a", true],
  ];
  expect(seen).toEqual([...once, ...once, [false, "sessions/c", true]]);
  expect(asked[1]!.request.value).toMatchObject({ labels: { a: "b" } });
});
