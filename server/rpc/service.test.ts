import { EventEmitter } from "node:events";
import { Readable, Writable } from "node:stream";
import { ServerService } from "@grokbox/proto/server";
import { SnapshotService } from "@grokbox/proto/snapshot";
import { status, type UntypedHandleCall } from "@grpc/grpc-js";
import { pino } from "pino";
import { expect, test } from "vitest";
import { GrokboxError } from "../sessions/errors.ts";
import { CallLog } from "./call.ts";
import { type Handlers, implementation } from "./service.ts";

const lines: Record<string, unknown>[] = [];
const sink = new Writable({
  write(chunk, _, done) {
    lines.push(JSON.parse(String(chunk)));
    done();
  },
});
const log = new CallLog(pino({ level: "error" }, sink), () => {});

/** What grpc-js gives a handler, as far as ours look at it. */
const incoming = <T extends EventEmitter>(call: T) =>
  Object.assign(call, {
    metadata: {},
    request: {},
    cancelled: false,
    getDeadline: () => Number.POSITIVE_INFINITY,
  });
const open = new AbortController().signal;

async function logged(handle: UntypedHandleCall, call: EventEmitter): Promise<Record<string, unknown>> {
  lines.length = 0;
  const fail = () => {
    throw new Error("the answer can't be sent");
  };
  (handle as (call: unknown, callback: () => void) => void)(incoming(call), fail);
  while (lines.length === 0) await new Promise((resolve) => setImmediate(resolve));
  return lines[0]!;
}

test("an answer, or an error, that grpc-js can't send is a defect in the log, not the end of the process", async () => {
  for (const getServerInfo of [async () => ({}), async () => Promise.reject(new Error("wrong"))]) {
    const handlers = { getServerInfo } as unknown as Handlers<typeof ServerService>;
    const { getServerInfo: handle } = implementation(ServerService, handlers, log, open);
    const line = await logged(handle!, new EventEmitter());
    expect(line).toMatchObject({ msg: "defect", method: "grokbox.v1.ServerService/GetServerInfo" });
  }
  expect(lines.map(({ err }) => (err as Error).message)).toContain("the answer can't be sent");
});

test("the same for an upload, whose stream is read to its end all the same", async () => {
  const uploadWeights = async () => ({});
  const handlers = { uploadWeights } as unknown as Handlers<typeof SnapshotService>;
  const { uploadWeights: handle } = implementation(SnapshotService, handlers, log, open);
  const stream = Readable.from([{}, {}, {}]);
  const ended = new Promise((resolve) => stream.once("end", resolve));
  const line = await logged(handle!, stream);
  expect(line).toMatchObject({ msg: "defect", err: { message: "the answer can't be sent" } });
  await ended;
});

test("a stream that its client neither sends nor ends fails when the server is to end, with that as the reason", async () => {
  const closing = new AbortController();
  const uploadWeights: Handlers<typeof SnapshotService>["uploadWeights"] = async (requests) => {
    for await (const _ of requests);
    return {};
  };
  const handlers = { uploadWeights } as unknown as Handlers<typeof SnapshotService>;
  const { uploadWeights: handle } = implementation(SnapshotService, handlers, log, closing.signal);
  const stalled = new Readable({ objectMode: true, read: () => {} });
  const answer = new Promise((resolve) => {
    (handle as (call: unknown, callback: (error: unknown) => void) => void)(incoming(stalled), resolve);
  });
  closing.abort(new GrokboxError("SHUTTING_DOWN", "the server is shutting down"));
  expect(await answer).toMatchObject({ code: status.UNAVAILABLE, details: "the server is shutting down" });
});
