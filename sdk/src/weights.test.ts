import { createHash } from "node:crypto";
import { create } from "@bufbuild/protobuf";
import { SessionService } from "@grokbox/proto/session";
import {
  FileFormat,
  SnapshotService,
  type UploadHeader,
  UploadWeightsRequestSchema,
} from "@grokbox/proto/snapshot";
import { DataType } from "@grokbox/proto/tensor";
import { expect, test } from "vitest";
import { bytesOf, type Tensor } from "./tensor.ts";
import { connect, info, session, spec } from "./testing/messages.ts";
import { Failure, on, type Script, serve } from "./testing/scripted-server.ts";
import { grpcTransport } from "./transport-grpc.ts";
import type { Weights } from "./weights.ts";

const found = on(SessionService.method.getSession, () => ({ session: session() }));

function tensor(start: number, width = 512, modulus = 23): Tensor {
  const data = Float32Array.from({ length: width * modulus }, (_, i) => start + i / 7);
  return { data, shape: [width, modulus] };
}

const moments = {
  thetaFirst: tensor(3),
  thetaSecond: tensor(4),
  xiFirst: tensor(5),
  xiSecond: tensor(6),
};
const weights: Weights = { theta: tensor(1), xi: tensor(2), moments, step: 2_200 };
const names = ["theta", "xi", "theta_first", "theta_second", "xi_first", "xi_second"];
const whole = Buffer.concat(
  [weights.theta, weights.xi, ...Object.values(moments)].map(({ data }) => bytesOf(data)),
);

/** Sends `whole` in chunks of an odd size, so that no array begins at a multiple of 4. */
function download(bytes: Uint8Array, chunk = 99_999): Script {
  return on(SnapshotService.method.downloadSnapshot, async function* ({ name }) {
    const sha256 = new Uint8Array(createHash("sha256").update(whole).digest());
    const tensors = names.map((name) => ({ name, dtype: DataType.FLOAT32, shape: [512, 23] }));
    const manifest = { tensors, totalBytes: BigInt(whole.length), sha256 };
    yield { part: { case: "snapshot" as const, value: { name, step: 2_200n, spec, manifest } } };
    for (let offset = 0; offset < bytes.length; offset += chunk) {
      const data = new Uint8Array(bytes.subarray(offset, offset + chunk));
      yield { part: { case: "chunk" as const, value: { offset: BigInt(offset), data } } };
    }
  });
}

test("a snapshot arrives as typed arrays with shapes, checked", async () => {
  await using server = await serve(info, found, download(whole));
  await using box = await connect(server.address);
  const snapshot = await (await box.session("sessions/a")).download({ at: 2_200 });
  expect(snapshot).toMatchObject({ name: "sessions/a/snapshots/2200", step: 2_200 });
  expect(snapshot.theta).toEqual(weights.theta);
  expect(snapshot.xi).toEqual(weights.xi);
  expect(snapshot.moments).toEqual(moments);
  expect(snapshot.spec.optimizer).toMatchObject({ kind: "adamw", beta2: 0.98 });
});

test("bytes that are not those announced are refused", async () => {
  const wrong = Buffer.from(whole);
  wrong[12_345]! ^= 1;
  await using server = await serve(info, found, download(wrong));
  await using box = await connect(server.address);
  const handle = await box.session("sessions/a");
  await expect(handle.download({ at: 2_200 })).rejects.toMatchObject({ reason: "CHECKSUM_MISMATCH" });
});

test("a snapshot that ends early is refused", async () => {
  await using server = await serve(info, found, download(whole.subarray(0, 200_000)));
  await using box = await connect(server.address);
  const handle = await box.session("sessions/a");
  await expect(handle.download({ at: 2_200 })).rejects.toMatchObject({ code: "DATA_LOSS" });
});

test("a download whose server goes away starts over", async () => {
  let calls = 0;
  const once = on(SnapshotService.method.downloadSnapshot, async function* (request, call) {
    if (++calls > 1) {
      yield* (download(whole).handler as (...args: unknown[]) => AsyncIterable<never>)(request, call);
      return;
    }
    yield {
      part: { case: "snapshot" as const, value: { name: request.name, manifest: { totalBytes: 9n } } },
    };
    throw new Failure(14, "restarting");
  });
  await using server = await serve(info, found, once);
  await using box = await connect(server.address);
  const snapshot = await (await box.session("sessions/a")).download({ at: 2_200 });
  expect(snapshot.xi).toEqual(weights.xi);
  expect(calls).toBe(2);
});

test("an upload carries a manifest and every byte in order, also when it must be repeated", async () => {
  const headers: UploadHeader[] = [];
  const received: Buffer[] = [];
  const script = on(SnapshotService.method.uploadWeights, async (requests) => {
    received.length = 0;
    for await (const { part } of requests) {
      if (part.case === "header") headers.push(part.value);
      if (part.case !== "chunk") continue;
      if (headers.length === 1) throw new Failure(14, "restarting");
      expect(Number(part.value.offset)).toBe(Buffer.concat(received).length);
      expect(part.value.data.length).toBeLessThanOrEqual(2 ** 20);
      received.push(Buffer.from(part.value.data));
    }
    const expireTime = { seconds: 1_800_000_000n, nanos: 0 };
    return { upload: "uploads/7", expireTime, modulus: 23, width: 512, step: 2_200n, hasMoments: true };
  });
  await using server = await serve(info, script);
  await using box = await connect(server.address);
  const upload = await box.uploadWeights(weights);
  expect(upload).toEqual({
    name: "uploads/7",
    expireTime: new Date(1_800_000_000_000),
    modulus: 23,
    width: 512,
    step: 2_200,
    hasMoments: true,
    hasAverages: false,
    hasSplit: false,
  });
  expect(Buffer.concat(received).equals(whole)).toBe(true);
  expect(headers).toHaveLength(2);
  expect(headers[0]!.requestId).toBe(headers[1]!.requestId);
  const { manifest, step } = headers[1]!;
  expect(step).toBe(2_200n);
  expect(manifest!.tensors.map(({ name }) => name)).toEqual(names);
  expect(Buffer.from(manifest!.sha256)).toEqual(createHash("sha256").update(whole).digest());
});

test.each([
  ["bytes", (bytes: Uint8Array<ArrayBuffer>) => bytes],
  ["a Blob", (bytes: Uint8Array<ArrayBuffer>) => new Blob([bytes])],
])("a safetensors file as %s is sent whole, announced by its size and SHA-256", async (_, wrap) => {
  let header: UploadHeader | undefined;
  const received: Buffer[] = [];
  const script = on(SnapshotService.method.uploadWeights, async (requests) => {
    const isFirst = header === undefined;
    received.length = 0;
    for await (const { part } of requests) {
      if (part.case === "header") header = part.value;
      if (part.case !== "chunk") continue;
      if (isFirst) throw new Failure(14, "restarting");
      expect(Number(part.value.offset)).toBe(Buffer.concat(received).length);
      expect(part.value.data.length).toBeLessThanOrEqual(2 ** 20);
      received.push(Buffer.from(part.value.data));
    }
    return { upload: "uploads/8", modulus: 23, width: 512, hasSplit: true, spec };
  });
  await using server = await serve(info, script);
  await using box = await connect(server.address);
  const upload = await box.uploadWeights({ safetensors: wrap(new Uint8Array(whole)) });
  expect(upload).toMatchObject({ name: "uploads/8", hasSplit: true, spec: { modulus: 23, seed: 42 } });
  expect(Buffer.concat(received).equals(whole)).toBe(true);
  expect(header!.manifest).toBeUndefined();
  expect(header!.file).toMatchObject({ format: FileFormat.SAFETENSORS, totalBytes: BigInt(whole.length) });
  expect(Buffer.from(header!.file!.sha256)).toEqual(createHash("sha256").update(whole).digest());
});

test("an upload is not read further than a slow server takes it", async () => {
  let made = 0;
  function* chunks() {
    for (; made < 200; made++) {
      yield create(UploadWeightsRequestSchema, {
        part: { case: "chunk", value: { data: new Uint8Array(256 * 1024) } },
      });
    }
  }
  let ahead = Number.POSITIVE_INFINITY;
  const script = on(SnapshotService.method.uploadWeights, async (requests) => {
    let read = 0;
    for await (const _ of requests) {
      if (read++ > 0) continue;
      await new Promise((resolve) => setTimeout(resolve, 100));
      ahead = made - read;
    }
    return { upload: `uploads/${read}` };
  });
  await using server = await serve(script);
  const transport = grpcTransport(server.address);
  const answer = await transport.clientStream(SnapshotService.method.uploadWeights, chunks(), {});
  transport.close();
  expect(answer.upload).toBe("uploads/200");
  expect(ahead).toBeLessThan(40);
});

test("a server that refuses an upload in the middle of it is heard at once", async () => {
  const large = { theta: tensor(1, 16_384, 199), xi: tensor(2, 16_384, 199) };
  const script = on(SnapshotService.method.uploadWeights, async (requests) => {
    for await (const { part } of requests) if (part.case === "chunk") break;
    throw new Failure(3, "no", { reason: "INVALID_FIELD" });
  });
  await using server = await serve(info, script);
  await using box = await connect(server.address);
  await expect(box.uploadWeights(large)).rejects.toMatchObject({ reason: "INVALID_FIELD" });
});

test("a shape that its data doesn't have is refused before anything is sent", async () => {
  await using server = await serve(info);
  await using box = await connect(server.address);
  const theta = { data: new Float32Array(10), shape: [3, 3] };
  await expect(box.uploadWeights({ theta, xi: theta })).rejects.toMatchObject({
    reason: "INVALID_FIELD",
    message: expect.stringContaining("theta must have a shape [rows, columns] of its 10 numbers; got [3,3]"),
  });
});
