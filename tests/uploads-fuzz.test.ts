import { SessionService } from "@grokbox/proto/session";
import { SnapshotService } from "@grokbox/proto/snapshot";
import type { ServiceError } from "@grpc/grpc-js";
import fc from "fast-check";
import { afterAll, beforeAll, expect, test } from "vitest";
import type { RunningServer } from "../server/server.ts";
import { arbitraryUpload, messagesOf, type Upload, type UploadMessage } from "./testing/arbitrary-upload.ts";
import { startTestServer } from "./testing/server.ts";
import { arbitraryFaults, firstOf } from "./testing/upload-faults.ts";
import { readFailure, Wire } from "./testing/wire.ts";

const { startSession, listSessions, deleteSession } = SessionService.method;
const { snapshot, downloadSnapshot, uploadWeights } = SnapshotService.method;

const cases = process.env.LONG_TESTS ? 1_500 : 400;

/** Longer than any upload takes: one that hangs fails with DEADLINE_EXCEEDED. */
const hangMs = 20_000;

let server: RunningServer;
let wire: Wire;

beforeAll(async () => {
  server = await startTestServer();
  wire = new Wire(server.address);
});

afterAll(async () => {
  wire.close();
  await server.close();
});

async function send(messages: readonly UploadMessage[]): Promise<string> {
  const { upload } = await wire.send(uploadWeights, messages, { deadline: Date.now() + hangMs });
  return upload;
}

async function failureOf(messages: readonly UploadMessage[]) {
  return send(messages).then(
    (upload) => expect.unreachable(`${upload} was taken`),
    (error: ServiceError) => readFailure(error),
  );
}

/** All that an upload which is refused must leave as it was; what is stored takes bytes. */
async function state(): Promise<string> {
  const { sessions } = await wire.call(listSessions, { pageSize: 1_000 });
  return `${server.registry.memory.usedBytes} bytes, ${sessions.map(({ name, step }) => `${name} ${step}`)}`;
}

/** The bytes of a session that was started from an upload, and is deleted again. */
async function bytesBack(name: string, optimizer: "sgd" | "adamw"): Promise<Buffer> {
  const spec = { optimizer: { kind: { case: optimizer, value: {} } } };
  const { session } = await wire.call(startSession, { spec, weights: { case: "upload", value: name } });
  const { snapshot: kept } = await wire.call(snapshot, { session: session!.name });
  const bytes: Uint8Array[] = [];
  for await (const { part } of wire.stream(downloadSnapshot, { name: kept!.name })) {
    if (part.case === "chunk") bytes.push(part.value.data);
  }
  await wire.call(deleteSession, { name: session!.name });
  return Buffer.concat(bytes);
}

function bytesOf({ arrays }: Upload): Buffer {
  return Buffer.concat(
    arrays.map((array) => new Uint8Array(array.buffer, array.byteOffset, array.byteLength)),
  );
}

/** What was sent comes back, and moments that were not sent are zero. */
async function expectSameBits(upload: Upload, name: string, optimizer: "sgd" | "adamw"): Promise<void> {
  const sent = bytesOf(upload);
  const back = await bytesBack(name, optimizer);
  expect(back.subarray(0, sent.length).equals(sent)).toBe(true);
  const more = back.subarray(sent.length);
  const expected = upload.arrays.length === 2 && optimizer === "adamw" ? 2 * sent.length : 0;
  expect(more.equals(Buffer.alloc(expected))).toBe(true);
}

const uploadWithFaults = arbitraryUpload.chain((upload) =>
  fc.record({ upload: fc.constant(upload), faults: arbitraryFaults(upload) }),
);

test("an upload with anything wrong is refused by name and changes nothing; one that is right comes back to the bit", {
  timeout: 180_000,
}, async () => {
  const seen = new Set<string>();
  const before = await state();
  await fc.assert(
    fc.asyncProperty(uploadWithFaults, fc.constantFrom("sgd", "adamw"), async ({ upload, faults }, kind) => {
      if (faults.length === 0) {
        seen.add("nothing");
        const name = await send(messagesOf(upload));
        await expectSameBits(upload, name, upload.arrays.length === 6 ? "adamw" : kind);
      } else {
        const first = firstOf(faults);
        seen.add(first.what);
        const failure = await failureOf(messagesOf(upload, faults));
        expect(failure.code).toBe("INVALID_ARGUMENT");
        if (first.field === undefined) expect(failure.reason).toBe("CHECKSUM_MISMATCH");
        else {
          expect(failure.reason).toBe("INVALID_FIELD");
          expect(Object.keys(failure.violations)).toContain(first.field);
          expect(failure.violations[first.field]).toMatch(/^must /);
        }
      }
      expect(await state()).toBe(before);
    }),
    { numRuns: cases },
  );
  expect(seen.size).toBeGreaterThan(30);
});

test("a request id stands for one header: again it is answered from memory, with another header it is refused", {
  timeout: 60_000,
}, async () => {
  const two = fc.tuple(arbitraryUpload, arbitraryUpload, fc.uuid());
  await fc.assert(
    fc.asyncProperty(two, async ([first, other, requestId]) => {
      const mine = { ...first, requestId };
      const name = await send(messagesOf(mine));
      const before = await state();
      expect(await send(messagesOf(mine))).toBe(name);
      expect(await send(messagesOf(mine).slice(0, 1))).toBe(name);
      if (!bytesOf(other).equals(bytesOf(first)) || other.width !== first.width) {
        expect(await failureOf(messagesOf({ ...other, requestId }))).toMatchObject({
          code: "INVALID_ARGUMENT",
          reason: "REQUEST_ID_REUSED",
          violations: { request_id: expect.stringMatching(/^must /) },
        });
      }
      expect(await state()).toBe(before);
      server.registry.uploads.release(name);
    }),
    { numRuns: 100 },
  );
});

test("the smallest and the largest shapes are taken, in chunks of exactly 1 MiB", async () => {
  const before = await state();
  for (const [modulus, width] of [
    [3, 8],
    [199, 8],
    [3, 65_536],
  ] as const) {
    const arrays = [1, 2].map((seed) =>
      Float32Array.from({ length: modulus * width }, (_, i) => Math.sin(seed + i) / 10),
    );
    const total = 8 * modulus * width;
    const cuts = Array.from({ length: Math.ceil(total / 2 ** 20) - 1 }, (_, i) => (i + 1) * 2 ** 20);
    const upload: Upload = { modulus, width, arrays, step: undefined, requestId: "", cuts };
    await expectSameBits(upload, await send(messagesOf(upload)), "sgd");
  }
  expect(await state()).toBe(before);
});
