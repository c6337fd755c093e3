import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { type ClientRequest, request as httpRequest, type IncomingMessage } from "node:http";
import { connect } from "node:net";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { text } from "node:stream/consumers";
import { setTimeout as delay } from "node:timers/promises";
import { create, type DescMethod, fromBinary, type MessageInitShape, toJson } from "@bufbuild/protobuf";
import { AnalysisService } from "@grokbox/proto/analysis";
import { ProgressEndReason } from "@grokbox/proto/progress";
import { BadRequestSchema, ErrorInfoSchema } from "@grokbox/proto/rpc/error_details";
import { SessionService, SessionState } from "@grokbox/proto/session";
import { SnapshotService } from "@grokbox/proto/snapshot";
import { TrainingService } from "@grokbox/proto/training";
import { afterAll, beforeAll, expect, test } from "vitest";
import { GrokboxError } from "../sdk/src/error.ts";
import type { Transport } from "../sdk/src/transport.ts";
import { grpcTransport } from "../sdk/src/transport-grpc.ts";
import { webTransport } from "../sdk/src/transport-web.ts";
import type { RunningServer } from "../server/server.ts";
import { startTestServer } from "./testing/server.ts";

const { startSession, getSession, listSessions } = SessionService.method;
const { step, run, pause, watchProgress, getHistory } = TrainingService.method;

let server: RunningServer;
let web: Transport;
let grpc: Transport;

beforeAll(async () => {
  server = await startTestServer();
  web = webTransport(`http://${server.webAddress}`);
  grpc = grpcTransport(server.address);
});

afterAll(async () => {
  web.close();
  grpc.close();
  await server.close();
});

/** Of a call or a POST; what is in it is for each test to say. */
// biome-ignore lint/suspicious/noExplicitAny: one helper for all methods
type Answer = any;

const call = <M extends DescMethod>(
  transport: Transport,
  method: M,
  request: MessageInitShape<M["input"]>,
  options = {},
) => transport.unary(method as never, create(method.input, request) as never, options) as Promise<Answer>;

async function start(spec = { modulus: 5, width: 8 }): Promise<string> {
  const { session } = await call(web, startSession, { preset: "grokking", spec, recordEvery: 1 });
  return session.name;
}

/** A call as any HTTP client makes it. */
async function post(path: string, body: unknown, init: RequestInit = {}) {
  const response = await fetch(`http://${server.webAddress}/${path}`, {
    method: "POST",
    body: typeof body === "string" ? body : JSON.stringify(body),
    ...init,
    headers: { "content-type": "application/json", ...init.headers },
  });
  const answer = await response.text();
  return { status: response.status, answer: answer === "" ? undefined : parse(answer) };
}

function parse(answer: string): Answer {
  try {
    return JSON.parse(answer);
  } catch {
    return answer;
  }
}

async function metric(name: string): Promise<number> {
  const page = await (await fetch(`http://${server.webAddress}/metrics`)).text();
  const line = page.split("\n").find((each) => each.startsWith(`${name} `));
  return line === undefined ? 0 : Number(line.slice(name.length + 1));
}

async function until(condition: () => boolean | Promise<boolean>): Promise<void> {
  for (let i = 0; i < 500; i++) {
    if (await condition()) return;
    await delay(20);
  }
  expect.fail("it did not become so in 10 s");
}

const failureOf = (promise: Promise<unknown>): Promise<GrokboxError> =>
  promise.then(
    () => expect.fail("it succeeded"),
    (error) => {
      expect(error).toBeInstanceOf(GrokboxError);
      return error;
    },
  );

test("a call is a POST of JSON, and is counted like any other", async () => {
  const counted = () =>
    metric('grokbox_rpc_seconds_count{method="grokbox.v1.TrainingService/Step",code="OK"}');
  const before = await counted();
  const started = await post("grokbox.v1.SessionService/StartSession", {
    preset: "standard",
    spec: { modulus: 5, width: 8 },
  });
  expect(started).toMatchObject({
    status: 200,
    answer: { session: { state: "SESSION_STATE_IDLE", spec: { modulus: 5 } } },
  });
  const { name } = started.answer.session;
  const stepped = await post("grokbox.v1.TrainingService/Step", { session: name, steps: 25 });
  expect(stepped.answer.point).toMatchObject({ step: "25", scores: { trainLoss: expect.any(Number) } });
  expect(await counted()).toBe(before + 1);
});

test("a refused call tells all that gRPC tells: code, message, reason and fields", async () => {
  const { status, answer } = await post("grokbox.v1.SessionService/StartSession", {
    spec: { modulus: 22, width: 4 },
  });
  expect(status).toBe(400);
  expect(answer).toMatchObject({
    code: "invalid_argument",
    message: expect.stringContaining("odd, 3 to 199; got 22"),
  });
  expect(answer.details.map(({ type }: { type: string }) => type)).toEqual([
    "google.rpc.ErrorInfo",
    "google.rpc.BadRequest",
  ]);
  const requests: [DescMethod, Record<string, unknown>][] = [
    [startSession, { preset: "nope", spec: { modulus: 22, width: 4 } }],
    [getSession, { name: "sessions/none" }],
    [getSession, { name: "../x" }],
    [step, { session: "sessions/none", steps: 0n }],
    [AnalysisService.method.spectrum, { name: "x", firstNeuron: 4_000_000_000 }],
    [SnapshotService.method.restoreSnapshot, { name: "sessions/a/snapshots/1" }],
  ];
  for (const [method, request] of requests) {
    const [over, under] = await Promise.all(
      [web, grpc].map((transport) => failureOf(call(transport, method, request))),
    );
    const told = ({ code, reason, rawMessage, metadata, violations }: GrokboxError) => ({
      code,
      reason,
      rawMessage,
      metadata,
      violations,
    });
    expect(told(over!), method.name).toEqual(told(under!));
  }
});

test("answers over HTTP are those over gRPC", async () => {
  const name = await start();
  await call(web, step, { session: name, steps: 30n });
  const { snapshot } = await call(web, SnapshotService.method.snapshot, { session: name });
  const requests: [DescMethod, Record<string, unknown>][] = [
    [getSession, { name }],
    [listSessions, { pageSize: 1_000 }],
    [getHistory, { session: name, pageSize: 7 }],
    [AnalysisService.method.evaluate, { name }],
    [AnalysisService.method.spectrum, { name: snapshot.name }],
  ];
  for (const [method, request] of requests) {
    const [over, under] = [await call(web, method, request), await call(grpc, method, request)];
    const json = (message: never) => toJson(method.output, message);
    expect(json(over as never), method.name).toEqual(json(under as never));
  }
});

test("the largest answers come over gRPC, and as JSON", async () => {
  const path = (method: DescMethod) => `${method.parent.typeName}/${method.name}`;
  const { spectrum, logits } = AnalysisService.method;
  const most = (modulus: number) => Math.floor(250_000 / ((modulus - 1) / 2 + 2));
  for (const modulus of process.env.LONG_TESTS ? [7, 97] : [7]) {
    const name = await start({ modulus, width: most(modulus) + 1 });
    const { thetaMagnitude } = await call(grpc, spectrum, { name });
    expect(thetaMagnitude.shape).toEqual([most(modulus), (modulus - 1) / 2]);
    // Those whose numbers take the most bytes.
    const neurons = Array.from({ length: most(modulus) }, (_, i) => most(modulus) - (i % 5));
    const chosen = await call(grpc, spectrum, { name, neurons });
    expect(chosen.dominantFrequency.shape).toEqual([most(modulus)]);
    expect((await post(path(spectrum), { name, neurons })).answer.neurons).toHaveLength(most(modulus));
    await call(web, SessionService.method.deleteSession, { name });
  }
  const name = await start({ modulus: 97, width: 16 });
  const { pairs } = await call(grpc, logits, { name });
  expect(pairs).toHaveLength((97 * 98) / 2);
  expect((await post(path(logits), { name })).answer.pairs).toHaveLength((97 * 98) / 2);
});

test("a request id is one over both: the stored answer comes back", async () => {
  const session = await start();
  const request = { requestId: "both", session, steps: 3n };
  expect(await call(web, step, request)).toEqual(await call(grpc, step, request));
  expect((await call(web, getSession, { name: session })).session.step).toBe(3n);
});

test("only a page of the server's own origin may call", async () => {
  const path = "grokbox.v1.ServerService/GetServerInfo";
  const status = async (origin: string) => (await post(path, {}, { headers: { origin } })).status;
  expect(await status("http://evil.example")).toBe(403);
  expect(await status("null")).toBe(403);
  expect(await status(`http://localhost:${server.webAddress.split(":")[1]}`)).toBe(403);
  expect(await status(`http://${server.webAddress}`)).toBe(200);
  // What a browser asks before it lets another origin's page send JSON.
  const preflight = await fetch(`http://${server.webAddress}/${path}`, {
    method: "OPTIONS",
    headers: { origin: "http://evil.example" },
  });
  expect(preflight.status).toBe(403);
  expect(preflight.headers.get("access-control-allow-origin")).toBeNull();
});

test("what is no call is refused, and the server goes on", async () => {
  const path = "grokbox.v1.SessionService/GetSession";
  const get = await fetch(`http://${server.webAddress}/${path}?connect=v1&encoding=json&message=%7B%7D`);
  expect(get.status).toBe(405);
  expect((await post(path, "{")).status).toBe(400);
  expect((await post(path, { name: 7 })).answer).toMatchObject({ code: "invalid_argument" });
  expect(
    (await post(path, "x", { headers: { "content-type": "application/x-www-form-urlencoded" } })).status,
  ).toBe(415);
  expect((await post("grokbox.v1.SessionService/Nothing", {})).status).toBe(404);
  expect((await post("grokbox.v1.Nothing/Nothing", {})).status).toBe(404);
  const long = await post(path, { name: "a".repeat(4 * 2 ** 20) });
  expect(long).toMatchObject({ status: 429, answer: { code: "resource_exhausted" } });
});

test("a misspelt field or name in JSON is refused, and nothing is changed", async () => {
  const refused = async (method: DescMethod, body: unknown, why: string) => {
    const { status, answer } = await post(`${method.parent.typeName}/${method.name}`, body);
    expect(status).toBe(400);
    expect(answer).toMatchObject({ code: "invalid_argument", message: expect.stringContaining(why) });
  };
  const session = await start();
  const sessionCount = async () => (await call(web, listSessions, { pageSize: 1_000 })).sessions.length;
  const before = await sessionCount();
  const swap = { session, activations: ["abs"], evaluateonly: true };
  await refused(TrainingService.method.swapActivation, swap, 'key "evaluateonly" is unknown');
  await refused(
    startSession,
    { spec: { modulus: 5, width: 8, task: "SUBTRACT" } },
    'Task from JSON: "SUBTRACT"',
  );
  await refused(startSession, { spec: { modulus: 5, width: 8, tsak: "TASK_SUBTRACT" } }, '"tsak"');
  expect((await call(web, getSession, { name: session })).session.spec.activation).not.toBe("abs");
  expect(await sessionCount()).toBe(before);
});

test("a request that can't be decoded is told as gRPC tells it, and counted", async () => {
  const counted = (method: DescMethod) =>
    metric(
      `grokbox_rpc_seconds_count{method="${method.parent.typeName}/${method.name}",code="INVALID_ARGUMENT"}`,
    );
  const told = (answer: Answer, method: DescMethod, why: string) => {
    const must = `must be a ${method.input.typeName}; ${why}`;
    expect(answer).toMatchObject({ code: "invalid_argument", message: expect.stringContaining(must) });
    const [info, request] = answer.details;
    expect(info.type).toBe("google.rpc.ErrorInfo");
    expect(fromBinary(ErrorInfoSchema, Buffer.from(info.value, "base64")).reason).toBe("INVALID_FIELD");
    expect(request.type).toBe("google.rpc.BadRequest");
    const { fieldViolations } = fromBinary(BadRequestSchema, Buffer.from(request.value, "base64"));
    expect(fieldViolations).toMatchObject([{ field: "request", description: expect.stringContaining(must) }]);
  };
  const forms: [string, Buffer, string][] = [
    ["proto", Buffer.from([0xff, 0xff]), "premature EOF"],
    ["json", Buffer.from("{"), "cannot decode"],
    ["json", Buffer.from('{"name": 7, "session": 7}'), "cannot decode"],
  ];
  for (const [form, body, why] of forms) {
    const before = [await counted(getSession), await counted(watchProgress)];
    const path = `${getSession.parent.typeName}/${getSession.name}`;
    const unary = await post(path, "", { headers: { "content-type": `application/${form}` }, body });
    expect(unary.status).toBe(400);
    told(unary.answer, getSession, why);
    const head = Buffer.alloc(5);
    head.writeUInt32BE(body.length, 1);
    const stream = await fetch(
      `http://${server.webAddress}/${watchProgress.parent.typeName}/${watchProgress.name}`,
      {
        method: "POST",
        headers: { "content-type": `application/connect+${form}` },
        body: Buffer.concat([head, body]),
      },
    );
    const end = Buffer.from(await stream.arrayBuffer()).subarray(5);
    told(JSON.parse(String(end)).error, watchProgress, why);
    const after = [await counted(getSession), await counted(watchProgress)];
    expect(after).toEqual(before.map((count) => count + 1));
  }
});

test("a request that no handler gets is counted with why, once, and one of no method under one name", async () => {
  const path = (method: DescMethod) => `${method.parent.typeName}/${method.name}`;
  const count = (method: string, code: string) =>
    metric(`grokbox_rpc_seconds_count{method="${method}",code="${code}"}`);
  const counted = async (method: string, code: string, request: () => Promise<unknown>) => {
    const before = await count(method, code);
    await request();
    await until(async () => (await count(method, code)) > before);
    expect(await count(method, code)).toBe(before + 1);
  };
  const long = { name: "a".repeat(5 * 2 ** 20) };
  await counted(path(getSession), "RESOURCE_EXHAUSTED", () => post(path(getSession), long));
  const init = { headers: { "content-type": "text/plain" } };
  await counted(path(getSession), "UNIMPLEMENTED", () => post(path(getSession), "x", init));
  await counted("unknown", "UNIMPLEMENTED", () => post("grokbox.v1.SessionService/Nothing", {}));
  // An envelope that says that more follows than does.
  const cut = {
    headers: { "content-type": "application/connect+json" },
    body: Buffer.from([0, 0, 0, 0, 9, 123]),
  };
  await counted(path(watchProgress), "INVALID_ARGUMENT", () => post(path(watchProgress), "", cut));
  await counted(path(getSession), "CANCELLED", async () => {
    const [host, port] = server.webAddress.split(":");
    const socket = connect(Number(port), host);
    const head = `POST /${path(getSession)} HTTP/1.1\r\nHost: x\r\ncontent-type: application/json\r\n`;
    await new Promise((resolve) => socket.write(`${head}content-length: 20\r\n\r\n{`, resolve));
    await delay(100);
    socket.destroy();
  });
});

test("a request that is larger than a message may be is refused with the limit, as a call and as one that streams", async () => {
  const told = (error: Answer) => {
    expect(error).toMatchObject({
      code: "resource_exhausted",
      message: "a message must be at most 4194304 bytes; weights are uploaded in chunks",
    });
    const info = fromBinary(ErrorInfoSchema, Buffer.from(error.details[0].value, "base64"));
    expect(info).toMatchObject({ reason: "MESSAGE_TOO_LARGE", metadata: { limit: "4194304" } });
  };
  const body = Buffer.from(JSON.stringify({ name: "a".repeat(5 * 2 ** 20) }));
  told((await post(`${getSession.parent.typeName}/${getSession.name}`, "", { body })).answer);
  const head = Buffer.alloc(5);
  head.writeUInt32BE(body.length, 1);
  const path = `${watchProgress.parent.typeName}/${watchProgress.name}`;
  const stream = await fetch(`http://${server.webAddress}/${path}`, {
    method: "POST",
    headers: { "content-type": "application/connect+json" },
    body: Buffer.concat([head, body]),
  });
  told(JSON.parse(String(Buffer.from(await stream.arrayBuffer()).subarray(5))).error);
});

test("a request that does not name its host, or not as one, is a bad request and no defect", async () => {
  const raw = async (head: string) => {
    const [host, port] = server.webAddress.split(":");
    const socket = connect(Number(port), host);
    socket.write(`${head}content-type: application/json\r\ncontent-length: 2\r\nconnection: close\r\n\r\n{}`);
    return (await text(socket)).split("\r\n")[0];
  };
  const path = "/grokbox.v1.ServerService/GetServerInfo";
  expect(await raw(`POST ${path} HTTP/1.1\r\nHost: [bad\r\n`)).toBe("HTTP/1.1 400 Bad Request");
  expect(await raw(`POST ${path} HTTP/1.0\r\n`)).toBe("HTTP/1.1 400 Bad Request");
  expect(await raw(`POST ${path} HTTP/1.1\r\nHost: a b\r\n`)).toBe("HTTP/1.1 400 Bad Request");
  expect(await raw(`POST ${path} HTTP/1.1\r\nHost: x\r\n`)).toBe("HTTP/1.1 200 OK");
});

test("a caller who leaves stops a Step, and a deadline does, each told apart", async () => {
  const session = await start({ modulus: 23, width: 512 });
  const controller = new AbortController();
  const endless = { session, steps: 1_000_000n };
  const left = failureOf(call(web, step, endless, { signal: controller.signal }));
  const own = server.registry.get(session);
  await until(() => own.isTraining);
  controller.abort();
  expect(await left).toMatchObject({ code: "CANCELLED" });
  await until(() => !own.isTraining);
  const began = performance.now();
  expect(await failureOf(call(web, step, endless, { timeoutMs: 150 }))).toMatchObject({
    code: "DEADLINE_EXCEEDED",
  });
  expect(performance.now() - began).toBeLessThan(2_000);
  await until(() => !own.isTraining);
  expect(own.step).toBeLessThan(1_000_000);
  const ended = (code: string) =>
    metric(`grokbox_rpc_seconds_count{method="grokbox.v1.TrainingService/Step",code="${code}"}`);
  expect(await ended("CANCELLED")).toBeGreaterThan(0);
  expect(await ended("DEADLINE_EXCEEDED")).toBeGreaterThan(0);
  const { session: after } = await call(web, getSession, { name: session });
  expect(after.state).toBe(SessionState.IDLE);
});

test("a timeout of a month, which is longer than a timer runs, is none that is over", async () => {
  const session = await start({ modulus: 23, width: 512 });
  const response = await fetch(`http://${server.webAddress}/${step.parent.typeName}/${step.name}`, {
    method: "POST",
    headers: { "content-type": "application/json", "connect-timeout-ms": "3000000000" },
    body: JSON.stringify({ session, steps: 500 }),
  });
  expect(await response.json()).toMatchObject({ point: { step: "500" } });
});

test("progress is watched over HTTP, and whoever leaves leaves nothing behind", async () => {
  const session = await start();
  await call(web, run, { session, plan: { recordEvery: 1 } });
  const { cursors } = server.registry.get(session).log;
  const sequences: bigint[] = [];
  const watch = (values: object, options = {}) =>
    web.serverStream(watchProgress, create(watchProgress.input, { session, ...values }), options);
  for await (const { event } of watch({ fromSequence: 1n })) {
    if (event.case === "batch") sequences.push(...event.value.points.map(({ sequence }) => sequence));
    if (sequences.length > 300) break;
  }
  expect(sequences).toEqual(sequences.map((_, i) => BigInt(i + 1)));
  await until(() => cursors.size === 0);
  // Leaving while nothing comes, and while too much does.
  const controller = new AbortController();
  const stopped = failureOf(
    (async () => {
      for await (const _ of watch({}, { signal: controller.signal })) controller.abort();
    })(),
  );
  expect(await stopped).toMatchObject({ code: "CANCELLED" });
  await until(() => cursors.size === 0);
  await call(web, pause, { session });
  let reason: ProgressEndReason | undefined;
  for await (const { event } of watch({ fromSequence: 1n, untilIdle: true }))
    if (event.case === "end") reason = event.value.reason;
  expect(reason).toBe(ProgressEndReason.IDLE);
});

/** A stream of progress that nobody reads. */
async function unread(webAddress: string, session: string): Promise<ClientRequest> {
  const body = Buffer.from(JSON.stringify({ session, fromSequence: 1 }));
  const head = Buffer.alloc(5);
  head.writeUInt32BE(body.length, 1);
  const [host, port] = webAddress.split(":");
  const path = "/grokbox.v1.TrainingService/WatchProgress";
  const headers = { "content-type": "application/connect+json" };
  const request = httpRequest({ host, port, method: "POST", path, headers });
  request.on("error", () => {});
  request.end(Buffer.concat([head, body]));
  const [response] = (await once(request, "response")) as [IncomingMessage];
  response.on("error", () => {});
  response.pause();
  return request;
}

async function leaveUnread(webAddress: string, session: string): Promise<void> {
  const request = await unread(webAddress, session);
  await delay(300);
  request.destroy();
}

test("a stream that is not read is not made, and ends when its reader goes", async () => {
  const session = await start();
  await call(web, run, { session, plan: { untilStep: 60_000n, recordEvery: 1 } });
  const own = server.registry.get(session);
  while (own.isTraining) await delay(50);
  const request = await unread(server.webAddress, session);
  const place = () => [...own.log.cursors][0]!.next;
  let before = -1;
  await until(async () => {
    const now = place();
    const stands = now === before;
    before = now;
    await delay(200);
    return stands;
  });
  expect(before).toBeLessThan(own.log.newest);
  request.destroy();
  await until(() => own.log.cursors.size === 0);
});

test("the SDK's HTTP transport says why it can't: nobody there, closed, a stream to send", async () => {
  const nowhere = webTransport("http://127.0.0.1:9");
  expect(await failureOf(call(nowhere, getSession, { name: "sessions/a" }))).toMatchObject({
    code: "UNAVAILABLE",
  });
  const request = create(SnapshotService.method.uploadWeights.input, {});
  expect(
    await failureOf(web.clientStream(SnapshotService.method.uploadWeights, [request], {})),
  ).toMatchObject({
    code: "UNIMPLEMENTED",
  });
  const own = webTransport(`http://${server.webAddress}`);
  const session = await start({ modulus: 23, width: 512 });
  const under = failureOf(call(own, step, { session, steps: 1_000_000n }));
  await until(() => server.registry.get(session).isTraining);
  own.close();
  expect(await under).toMatchObject({ code: "CANCELLED", reason: "CLOSED" });
  expect(await failureOf(call(own, getSession, { name: session }))).toMatchObject({ reason: "CLOSED" });
  await until(() => !server.registry.get(session).isTraining);
  expect(await failureOf(call(web, step, { session, steps: 1.5 as never }))).toMatchObject({
    reason: "INVALID_FIELD",
    violations: [{ field: "steps" }],
  });
});

test("callers who leave write nothing but log lines to standard error", async () => {
  const main = join(import.meta.dirname, "../server/main.ts");
  const child: ChildProcess = spawn(
    process.execPath,
    [main, "--port", "0", "--threads", "1", "--log-level", "info"],
    {
      stdio: ["ignore", "pipe", "pipe"],
    },
  );
  const errors = text(child.stderr!);
  let webAddress = "";
  for await (const line of createInterface({ input: child.stdout! })) {
    webAddress = /metrics +http:\/\/(\S+)\/metrics/.exec(line)?.[1] ?? webAddress;
    if (webAddress !== "") break;
  }
  const own = webTransport(`http://${webAddress}`);
  const { session } = await call(own, startSession, {
    preset: "grokking",
    spec: { modulus: 5, width: 8 },
    recordEvery: 1,
  });
  await call(own, step, { session: session.name, steps: 60_000n });
  await call(own, run, { session: session.name });
  for (let i = 0; i < 5; i++) {
    const stream = own.serverStream(
      watchProgress,
      create(watchProgress.input, { session: session.name, fromSequence: 1n }),
      {},
    );
    for await (const { event } of stream) if (event.case === "batch") break;
  }
  for (let i = 0; i < 5; i++) await leaveUnread(webAddress, session.name);
  await delay(200);
  own.close();
  child.kill("SIGTERM");
  await once(child, "exit");
  const lines = (await errors).split("\n").filter((line) => line !== "");
  expect(lines.filter((line) => !line.startsWith("{"))).toEqual([]);
  expect(lines.filter((line) => line.includes('"level":50'))).toEqual([]);
});
