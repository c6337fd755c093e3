import { setTimeout } from "node:timers/promises";
import { SessionService } from "@grokbox/proto/session";
import { FileFormat, SnapshotService } from "@grokbox/proto/snapshot";
import { TrainingService } from "@grokbox/proto/training";
import type { ServiceError } from "@grpc/grpc-js";
import { afterAll, afterEach, beforeAll, expect, test, vi } from "vitest";
import type { RunningServer } from "../server/server.ts";
import type { Session } from "../server/sessions/session.ts";
import { StoreError } from "../server/store/store.ts";
import { startTestServer } from "./testing/server.ts";
import { readFailure, Wire } from "./testing/wire.ts";

const { startSession } = SessionService.method;
const { step } = TrainingService.method;
const { snapshot, downloadSnapshot } = SnapshotService.method;

/** More than the buffers on the way to a reader take: 6 arrays, and the mask. */
const [modulus, width] = [97, 8_192];
const bytes = 6 * modulus * width * 4 + modulus ** 2;

let server: RunningServer;
let wire: Wire;
let session: Session;

beforeAll(async () => {
  server = await startTestServer();
  wire = new Wire(server.address);
  const { session: started } = await wire.call(startSession, { spec: { modulus, width } });
  session = server.registry.get(started!.name);
  await keep();
  await wire.call(step, { session: session.name });
  await keep();
});
afterEach(() => {
  vi.restoreAllMocks();
});
afterAll(async () => {
  wire.close();
  await server.close();
});

const keep = () => wire.call(snapshot, { session: session.name });
const at = (step: number) => ({ name: `${session.name}/snapshots/${step}` });

async function until(holds: () => boolean): Promise<void> {
  for (const began = performance.now(); !holds(); await setTimeout(1))
    if (performance.now() - began > 10_000) throw new Error("it never came to it");
}

/** A download whose reader does not read. */
function stall(step: number, options: { deadline?: number; format?: FileFormat } = {}) {
  const { format = FileFormat.UNSPECIFIED, ...call } = options;
  const stream = wire.stream(downloadSnapshot, { ...at(step), format }, call);
  stream.on("error", () => {});
  return stream;
}

async function failureOf(step: number) {
  try {
    for await (const _ of wire.stream(downloadSnapshot, at(step)));
  } catch (error) {
    return readFailure(error as ServiceError);
  }
  throw new Error("it was sent");
}

test("stalled downloads of a snapshot have it in memory once, counted until the last one has ended however it does", async () => {
  await session.sleep();
  const { memory } = server.registry;
  const before = memory.usedBytes;
  const web = new AbortController();
  const page = fetch(`http://${server.webAddress}/grokbox.v1.SnapshotService/DownloadSnapshot`, {
    method: "POST",
    headers: { "content-type": "application/connect+json" },
    body: framed(JSON.stringify(at(0))),
    signal: web.signal,
  });
  page.catch(() => {});
  const streams = [
    stall(0),
    stall(0, { format: FileFormat.SAFETENSORS }),
    stall(0, { format: FileFormat.NPZ }),
    stall(0, { deadline: Date.now() + 1_000 }),
  ];
  await until(() => memory.usedBytes > before);
  await page;
  await setTimeout(200);
  expect(memory.usedBytes - before).toBe(bytes);

  const rest = memory.limitBytes - memory.usedBytes - bytes + 1;
  memory.reserve(rest, "something else");
  const refused = await failureOf(1);
  expect(refused).toMatchObject({ code: "RESOURCE_EXHAUSTED", reason: "OUT_OF_MEMORY" });
  expect(refused.message).toContain(`${at(1).name} needs 18.2 MiB`);
  memory.release(rest);

  web.abort();
  await setTimeout(1_000);
  expect(memory.usedBytes - before).toBe(bytes);
  for (const stream of streams) stream.cancel();
  await until(() => memory.usedBytes === before);
});

test("a session that nobody uses sleeps to make room for a download", async () => {
  await wire.call(step, { session: session.name });
  const { memory } = server.registry;
  const rest = memory.limitBytes - memory.usedBytes;
  memory.reserve(rest, "something else");
  let received = 0;
  for await (const { part } of wire.stream(downloadSnapshot, at(1)))
    if (part.case === "chunk") received += part.value.data.length;
  expect(received).toBe(6 * modulus * width * 4);
  expect(session.training.isAwake).toBe(false);
  memory.release(rest);
  await until(() => memory.usedBytes === 0);
});

test("a snapshot that can't be read leaves no memory set aside, and can be tried again", async () => {
  const { memory, store } = server.registry;
  const before = memory.usedBytes;
  vi.spyOn(store, "readSnapshot").mockRejectedValueOnce(new StoreError("CORRUPT", "the bytes are others"));
  expect(await failureOf(1)).toMatchObject({ code: "DATA_LOSS", reason: "SNAPSHOT_CORRUPT" });
  expect(memory.usedBytes).toBe(before);
  for await (const _ of wire.stream(downloadSnapshot, at(1)));
  await until(() => memory.usedBytes === before);
});

/** A message of a stream of Connect's. */
function framed(json: string): Uint8Array<ArrayBuffer> {
  const body = Buffer.from(json);
  const head = Buffer.alloc(5);
  head.writeUInt32BE(body.length, 1);
  return Uint8Array.from(Buffer.concat([head, body]));
}
