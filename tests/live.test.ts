import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { connect, createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import type { Status } from "@grokbox/proto/rpc/status";
import { afterAll, beforeAll, expect, test } from "vitest";
import { WebSocket } from "ws";
import { startServerProcess } from "../bench/server-process.ts";
import { Live, type LiveProgress, ProgressSeries } from "../sdk/src/live/mod.ts";
import { Grokbox, isReason, type ProgressPoint, type Session } from "../sdk/src/mod.ts";
import { relayTo } from "../sdk/src/testing/tcp-relay.ts";
import type { RunningServer } from "../server/server.ts";
import { LiveWire } from "./testing/live-wire.ts";
import { startTestServer } from "./testing/server.ts";

const allowedOrigin = "https://box.lab.example";
const backoff = { firstMs: 5, mostMs: 20 };
let server: RunningServer;
let box: Grokbox;

beforeAll(async () => {
  server = await startTestServer({ webOrigins: [allowedOrigin] });
  box = await Grokbox.connect(server.address);
});

afterAll(async () => {
  box.close();
  await server.close();
});

const tiny = { modulus: 5, width: 8, recordEvery: 1 } as const;
const portOf = (address: string) => Number(address.split(":").at(-1));

async function history(session: Session): Promise<ProgressPoint[]> {
  const points = [];
  for await (const { epoch: _, ...point } of session.history({ pageSize: 10_000 })) points.push(point);
  return points;
}

const held = (series: ProgressSeries) => series.points.map(({ epoch: _, ...point }) => point);

interface Seen {
  readonly series: ProgressSeries;
  /** Of all points that came, in the order that they came in. */
  readonly sequences: number[];
  readonly resets: number;
}

/** Takes events until they end, or are given up. */
async function follow(
  events: AsyncIterable<LiveProgress>,
  onEvent: (event: LiveProgress) => void = () => {},
): Promise<Seen> {
  const [series, sequences] = [new ProgressSeries(), [] as number[]];
  let resets = 0;
  try {
    for await (const event of events) {
      series.take(event);
      if (event.kind === "batch") sequences.push(...event.points.map(({ sequence }) => sequence));
      if (event.kind === "reset") resets++;
      onEvent(event);
    }
  } catch (error) {
    if (!isReason(error, "CANCELLED")) throw error;
  }
  return { series, sequences, resets };
}

async function metric(name: string): Promise<number> {
  const text = await (await fetch(`http://${server.webAddress}/metrics`)).text();
  return Number(new RegExp(`^${name} (.*)$`, "m").exec(text)![1]);
}

async function until(condition: () => boolean | Promise<boolean>): Promise<void> {
  for (let i = 0; i < 500; i++) {
    if (await condition()) return;
    await delay(20);
  }
  expect.fail("it did not become so in 10 s");
}

test("many sessions are watched over one socket that keeps breaking, without a hole, whole and thinned out", async () => {
  await using relay = await relayTo(portOf(server.webAddress));
  using live = Live.connect(relay.address, { backoff });
  const sessions = await Promise.all(Array.from({ length: 6 }, (_, seed) => box.start({ ...tiny, seed })));
  for (const session of sessions) await session.run({ untilStep: 3_000 }).started;
  const cutting = setInterval(() => relay.cut(), 60);
  const watched = sessions.map((session, i) =>
    follow(
      live.watch(session.name, {
        from: 1,
        untilIdle: true,
        updatesPerSecond: 60,
        ...(i % 2 === 0 ? {} : { maxPoints: 100 }),
      }),
    ),
  );
  const results = await Promise.all(watched).finally(() => clearInterval(cutting));
  expect(relay.accepted).toBeGreaterThan(2);
  for (const [i, { series, sequences, resets }] of results.entries()) {
    const all = await history(sessions[i]!);
    expect(all).toHaveLength(3_001);
    expect([resets, series.gaps]).toEqual([0, []]);
    expect(sequences).toEqual([...new Set(sequences)].sort((a, b) => a - b));
    const { stride } = series;
    expect(stride).toBe(i % 2 === 0 ? 1 : 32);
    expect(held(series)).toEqual(
      all.filter(({ sequence }) => (sequence - 1) % stride === 0 || sequence === 3_001),
    );
  }
});

test("a window is exactly what is recorded between two steps", async () => {
  using live = Live.connect(server.webAddress);
  await using session = await box.start(tiny);
  await session.step(2_000);
  const all = await history(session);
  const whole = await live.window(session.name, { firstStep: 700, lastStep: 1_499 });
  expect(whole).toMatchObject({ stride: 1, missing: false, epoch: expect.stringMatching(/^[a-f0-9-]{36}$/) });
  expect(whole.points.map(({ epoch: _, ...point }) => point)).toEqual(all.slice(700, 1_500));
  const thin = await live.window(session.name, { firstStep: 700, maxPoints: 50 });
  expect(thin.stride).toBe(32);
  expect(thin.points.map(({ step }) => step)).toEqual(
    all
      .filter(({ sequence, step }) => step >= 700 && (sequence % 32 === 1 || step === 2_000))
      .map(({ step }) => step),
  );
});

test("a server that is killed and restarted is watched on, to the very points of its history", async () => {
  const data = await mkdtemp(join(tmpdir(), "grokbox-live-"));
  const [port, webPort] = [await freePort(), await freePort()];
  const begin = () =>
    startServerProcess(
      "--data",
      data,
      "--port",
      `${port}`,
      "--web-port",
      `${webPort}`,
      "--checkpoint-every",
      "0.2",
    );
  const first = await begin();
  let { child } = first;
  const own = await Grokbox.connect(first.address, { backoff });
  using live = Live.connect(`127.0.0.1:${webPort}`, { backoff });
  try {
    // So slow that the run is under way at either kill, however late this process sees its points.
    const session = await own.start({ ...tiny, width: 1_536 });
    const untilStep = 20_000;
    await session.run({ untilStep }).started;
    const stop = new AbortController();
    const { signal } = stop;
    let newest = 0;
    const watching = [undefined, 200].map((maxPoints) =>
      follow(live.watch(session.name, { from: 1, maxPoints, signal }), (event) => {
        if (event.kind === "batch") newest = event.points.at(-1)!.step;
      }),
    );
    for (const atStep of [3_000, 9_000]) {
      await until(() => newest >= atStep);
      child.kill("SIGKILL");
      await once(child, "exit");
      ({ child } = await begin());
    }
    await until(() => newest >= untilStep);
    await delay(300);
    stop.abort();
    const [whole, thin] = await Promise.all(watching);
    expect([whole!.resets, whole!.series.gaps]).toEqual([0, []]);
    expect(whole!.sequences).toEqual(Array.from({ length: untilStep + 1 }, (_, i) => i + 1));
    const all = await history(session);
    expect(held(whole!.series)).toEqual(all);
    expect(thin!.resets).toBe(0);
    expect(thin!.series.stride).toBe(128);
    expect(held(thin!.series)).toEqual(
      all.filter(({ sequence }) => sequence % 128 === 1 || sequence === untilStep + 1),
    );
  } finally {
    own.close();
    child.kill("SIGTERM");
    await once(child, "exit");
    await rm(data, { recursive: true });
  }
});

async function freePort(): Promise<number> {
  const listening = createServer().listen(0, "127.0.0.1");
  await once(listening, "listening");
  const { port } = listening.address() as { port: number };
  listening.close();
  await once(listening, "close");
  return port;
}

test("a session that is put back to a snapshot is told of as a reset, and watched on from there", async () => {
  using live = Live.connect(server.webAddress);
  const session = await box.start(tiny);
  await session.step(40);
  await session.snapshot();
  await session.step(40);
  const stop = new AbortController();
  const kinds: string[] = [];
  const watching = follow(
    live.watch(session.name, { from: 1, updatesPerSecond: 60, signal: stop.signal }),
    (event) => {
      kinds.push(event.kind);
      if (kinds.length === 1) void session.restore(40).then(() => session.step(5));
      if (event.kind === "batch" && event.points.at(-1)!.step === 45) stop.abort();
    },
  );
  await watching;
  expect(kinds.slice(0, 3)).toEqual(["batch", "reset", "batch"]);
  const again = await follow(live.watch(session.name, { from: 1, untilIdle: true }));
  expect(held(again.series)).toEqual(await history(session));
  await session.delete();
});

test("a session that is deleted while it is watched fails the watching with that reason", async () => {
  using live = Live.connect(server.webAddress);
  const session = await box.start(tiny);
  const watching = follow(live.watch(session.name, { from: 1 }), () => void session.delete().catch(() => {}));
  await expect(watching).rejects.toMatchObject({ reason: "SESSION_DELETED" });
  await expect(follow(live.watch(session.name))).rejects.toMatchObject({ reason: "SESSION_NOT_FOUND" });
});

test("sessions are listed, and told of as they come, change and go", async () => {
  using live = Live.connect(server.webAddress);
  const labels = { test: "roster", script: "</script><script>alert(1)</script>" };
  const first = await box.start({ ...tiny, labels });
  const told: string[] = [];
  for await (const { changed, removed, complete } of live.sessions({
    labels: { test: "roster" },
    updatesPerSecond: 20,
  })) {
    for (const { name, step, labels: carried } of changed) {
      // A label is text: what it says is for whoever shows it to escape.
      expect(carried.script).toBe(labels.script);
      told.push(`${name === first.name ? "first" : "second"} at ${step}`);
    }
    for (const name of removed) told.push(`${name === first.name ? "first" : "second"} gone`);
    if (told.length === 1 && complete) void box.start({ ...tiny, labels }).then((second) => second.step(3));
    if (told.at(-1) === "second at 3") void first.delete();
    if (told.at(-1) === "first gone") break;
  }
  expect(told[0]).toBe("first at 0");
  expect(told).toContain("second at 3");
});

test("only a page of the server's own origin, or of an allowed one, may connect, and only at /live", async () => {
  const refused = async (path: string, origin?: string): Promise<{ status: number; body: string }> => {
    const socket = new WebSocket(`ws://${server.webAddress}${path}`, origin === undefined ? {} : { origin });
    socket.on("error", () => {});
    const [, response] = await once(socket, "unexpected-response");
    let body = "";
    for await (const chunk of response) body += chunk;
    return { status: response.statusCode, body };
  };
  expect(await refused("/live", "http://evil.example")).toMatchObject({
    status: 403,
    body: expect.stringContaining("--web-origin"),
  });
  expect((await refused("/live", `http://localhost:${portOf(server.webAddress)}`)).status).toBe(403);
  expect((await refused("/live", "null")).status).toBe(403);
  expect((await refused("/elsewhere")).status).toBe(404);
  for (const origin of [`http://${server.webAddress}`, allowedOrigin, undefined]) {
    using wire = await LiveWire.open(server.webAddress, origin === undefined ? {} : { origin });
    expect(wire.socket.readyState).toBe(WebSocket.OPEN);
    expect(wire.socket.extensions).toBe("");
  }
});

test("an offer to upgrade to something else is declined by answering the request", async () => {
  const socket = connect(portOf(server.webAddress), "127.0.0.1");
  socket.write(
    "GET /healthz HTTP/1.1\r\nHost: x\r\nConnection: Upgrade, HTTP2-Settings, close\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABkAAQAoAAAAAIAAAAA\r\n\r\n",
  );
  let text = "";
  for await (const chunk of socket) text += chunk;
  expect(text).toMatch(/^HTTP\/1\.1 200 OK/);
});

test("a frame that breaks the protocol closes the connection with what is wrong", async () => {
  const fault = async (...frames: (string | Uint8Array | ((wire: LiveWire) => void))[]) => {
    using wire = await LiveWire.open(server.webAddress);
    for (const frame of frames) {
      if (typeof frame === "function") frame(wire);
      else wire.socket.send(frame);
    }
    return await wire.closed;
  };
  const session = await box.start(tiny);
  const progress = (wire: LiveWire, n: number) =>
    wire.ask(n, { case: "progress", value: { session: session.name } });
  expect(await fault("text")).toEqual({ code: 1003, reason: expect.stringContaining("must be binary") });
  expect(await fault(new Uint8Array([0x0a, 0xff]))).toEqual({
    code: 1007,
    reason: "a frame is no grokbox.v1.LiveRequest",
  });
  expect((await fault(new Uint8Array(64 * 1024 + 1))).code).toBe(1009);
  expect(await fault((wire) => progress(wire, 0))).toEqual({
    code: 1008,
    reason: "subscription must be 1 or more; got 0",
  });
  const twice = (wire: LiveWire) => [7, 7].map((n) => progress(wire, n));
  expect(await fault(twice)).toEqual({ code: 1008, reason: "subscription 7 is in use" });
  const many = (wire: LiveWire) => Array.from({ length: 257 }, (_, i) => progress(wire, i + 1));
  expect(await fault(many)).toEqual({
    code: 1008,
    reason: "there must be at most 256 subscriptions at a time",
  });
  await until(() => server.registry.get(session.name).log.cursors.size === 0);
});

test("what comes after a fault is not answered, and asks for nothing", async () => {
  using wire = await LiveWire.open(server.webAddress);
  const session = await box.start(tiny);
  wire.socket.send("text");
  for (let n = 1; n <= 50; n++)
    wire.ask(n, { case: "progress", value: { session: session.name, fromSequence: 1n } });
  expect((await wire.closed).code).toBe(1003);
  expect(wire.events).toEqual([]);
  expect(server.registry.get(session.name).log.cursors.size).toBe(0);
});

test("a question that can't be answered fails by itself, with each field and what it must be", async () => {
  using wire = await LiveWire.open(server.webAddress);
  const session = await box.start(tiny);
  wire.ask(1, { case: "progress", value: { session: "../etc", maxPoints: 1, stride: 3n } });
  wire.ask(2, { case: "window", value: { session: "sessions/none" } });
  wire.ask(3, { case: undefined });
  wire.ask(4, { case: "window", value: { session: session.name } });
  const failures = await Promise.all([1, 2, 3].map((n) => wire.event(n, "failure")));
  expect(failures.map(({ value }) => (value as Status).code)).toEqual([3, 5, 3]);
  const { message, details } = failures[0]!.value as Status;
  for (const field of ["progress.session", "progress.max_points", "progress.stride"])
    expect(message).toContain(field);
  expect(details).toHaveLength(2);
  await wire.event(4, "done");
  // The numbers of what failed are free again.
  wire.ask(1, { case: "window", value: { session: session.name } });
  await wire.event(1, "done");
});

test("a question that is cancelled, or ended, gives its number and its place in the log back", async () => {
  using wire = await LiveWire.open(server.webAddress);
  const session = await box.start(tiny);
  const { cursors } = server.registry.get(session.name).log;
  const value = { session: session.name, fromSequence: 1n, updatesPerSecond: 0.1 };
  wire.ask(1, { case: "progress", value });
  await wire.event(1, "batch");
  expect(cursors.size).toBe(1);
  wire.ask(1, { case: "cancel", value: {} });
  // At once, however slow it was to be told.
  await until(() => cursors.size === 0);
  const before = wire.events.length;
  await session.step(3);
  await delay(100);
  expect(wire.events).toHaveLength(before);
  wire.ask(9, { case: "cancel", value: {} });
  wire.ask(1, { case: "progress", value: { ...value, untilIdle: true, updatesPerSecond: 60 } });
  await wire.event(1, "end");
  wire.ask(1, { case: "sessions", value: {} });
  await wire.event(1, "sessions");
  expect(cursors.size).toBe(0);
});

test("a viewer that does not read is sent a bounded amount, takes nothing along, and catches up", async () => {
  const { session, questions } = await muchToTell();
  using wire = await LiveWire.open(server.webAddress);
  const before = await metric("grokbox_live_bytes_total");
  wire.stopReading();
  for (let n = 1; n <= questions; n++) wire.ask(n, { case: "window", value: { session: session.name } });
  const sent = async () => (await metric("grokbox_live_bytes_total")) - before;
  let last = -1;
  await until(async () => {
    const now = await sent();
    const stands = now === last && now > 0;
    last = now;
    await delay(200);
    return stands;
  });
  // What the kernel takes for both ends, of more than 100 MB.
  expect(last).toBeLessThan(2 ** 24);
  const { step } = await session.refresh();
  await session.step(500);
  expect(session.info.step).toBe(step + 500);
  expect(await sent()).toBe(last);
  // It may ask for something else meanwhile.
  wire.ask(questions + 1, { case: "window", value: { session: session.name, maxPoints: 2 } });
  await delay(100);
  wire.readAgain();
  for (let n = 1; n <= questions + 1; n++) await wire.event(n, "done");
  for (let n = 1; n <= questions; n++) {
    const sequences = wire
      .of(n)
      .flatMap((event) => (event.case === "batch" ? event.value.points : []).map((p) => p.sequence));
    expect(sequences).toHaveLength(Number(step) + 1);
  }
  await session.delete();
}, 120_000);

/** More than the kernel's buffers take when it is asked for at once. */
async function muchToTell(): Promise<{ session: Session; questions: number }> {
  const session = await box.start(tiny);
  await session.run({ untilStep: 20_000 }).finished;
  return { session, questions: 40 };
}

test("a viewer that asks and cancels, or pings, and never reads, is bounded or cut off", async () => {
  const { session, questions } = await muchToTell();
  const { cursors } = server.registry.get(session.name).log;
  const window = { case: "window", value: { session: session.name } } as const;
  using asking = await LiveWire.open(server.webAddress);
  asking.stopReading();
  for (let n = 1; n <= questions; n++) asking.ask(n, window);
  await until(() => cursors.size === questions);
  await delay(500);
  for (let n = 0; n < 20_000; n++) {
    asking.ask(1_000, window);
    asking.ask(1_000, { case: "cancel", value: {} });
    if (n % 500 === 0) await delay(1);
  }
  await until(() => asking.socket.bufferedAmount === 0);
  await until(() => cursors.size === questions);
  asking.socket.terminate();
  await until(() => cursors.size === 0);

  const connections = await metric("grokbox_live_connections");
  using pinging = await LiveWire.open(server.webAddress);
  expect(await metric("grokbox_live_connections")).toBe(connections + 1);
  pinging.stopReading();
  let pings = 0;
  while (pinging.socket.readyState === WebSocket.OPEN && pings < 400_000) {
    pinging.socket.ping(Buffer.alloc(125));
    if (++pings % 2_000 === 0) {
      await delay(1);
      if ((await metric("grokbox_live_connections")) === connections) break;
    }
  }
  expect(pings).toBeLessThan(400_000);
  await session.delete();
}, 120_000);

test("a server that shuts down says so, ends answers, and is not kept waiting", async () => {
  const own = await startTestServer();
  const client = await Grokbox.connect(own.address);
  const session = await client.start({ ...tiny, width: 64 });
  await session.run().started;
  client.close();
  using watching = await LiveWire.open(own.webAddress);
  watching.ask(1, { case: "progress", value: { session: session.name, fromSequence: 1n } });
  watching.ask(2, { case: "progress", value: { session: session.name, updatesPerSecond: 0.1 } });
  watching.ask(3, { case: "sessions", value: {} });
  using unread = await LiveWire.open(own.webAddress);
  unread.ask(1, {
    case: "progress",
    value: { session: session.name, fromSequence: 1n, updatesPerSecond: 60 },
  });
  unread.stopReading();
  // Refused, and left open by a peer that has more to say.
  const refused = connect({ port: portOf(own.webAddress), host: "127.0.0.1", allowHalfOpen: true });
  refused.write("GET /no HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n");
  refused.on("error", () => {});
  await once(refused, "data");
  await watching.event(1, "batch");
  const began = performance.now();
  await own.close();
  expect(performance.now() - began).toBeLessThan(10_000);
  expect(await watching.closed).toEqual({ code: 1001, reason: "the server shuts down" });
  refused.destroy();
});
