import { setImmediate, setTimeout } from "node:timers/promises";
import { timestampFromMs } from "@bufbuild/protobuf/wkt";
import {
  type UploadHeader,
  UploadHeaderSchema,
  type UploadWeightsRequest,
  UploadWeightsResponseSchema,
} from "@grokbox/proto/snapshot";
import { DataType } from "@grokbox/proto/tensor";
import { Checks } from "../messages/checks.ts";
import { defined } from "../messages/defined.ts";
import { specMessage } from "../messages/spec.ts";
import { arrayNamesOf } from "../model/network-state.ts";
import { mostDimension } from "../model/spec-rules.ts";
import { GrokboxError, invalid } from "../sessions/errors.ts";
import { kindOf } from "../sessions/files/layout.ts";
import type { Registry } from "../sessions/registry.ts";
import {
  type ArrayName,
  arrayShape,
  digest,
  outerName,
  type Snapshot,
  stateOf,
} from "../sessions/snapshot.ts";
import type { Upload } from "../sessions/uploads.ts";
import type { Context } from "./call.ts";
import { once } from "./idempotency.ts";
import { receiveFile } from "./upload-file.ts";

/** Half of the range in which steps are exact, so that there is something left to train. */
const maxUploadStep = 2 ** 52;
const maxChunkBytes = 2 ** 20;

/** A theta that was computed from its factors in half precision passes; another one does not. */
const mostProductError = 1e-3;

/** A client that gives up ends its stream and cancels it then, as grpc-js does, in a frame each: how long the second may take. */
const cutOffMs = 10;

/** What a header announces. */
interface Announced {
  readonly modulus: number;
  readonly width: number;
  readonly step: number;
  readonly tensors: readonly { readonly name: ArrayName; readonly shape: readonly [number, number] }[];
  readonly bytes: number;
}

/** Receives weights: a header that says all about the bytes, then the bytes in order. Nothing is kept unless all is right. */
export async function receiveUpload(
  registry: Registry,
  requests: AsyncIterable<UploadWeightsRequest>,
  context: Context,
) {
  const iterator = requests[Symbol.asyncIterator]();
  const first = await iterator.next();
  if (first.done) await notCutOff(context);
  const part = first.done ? undefined : first.value.part;
  if (part?.case !== "header") {
    throw invalid([{ field: "header", description: "must be the first message of the stream" }]);
  }
  const header = part.value;
  if (header.file !== undefined) return receiveFile(registry, header, iterator, context);
  const announced = parseHeader(header);
  return once(registry, UploadHeaderSchema, UploadWeightsResponseSchema, header, context, async () => {
    registry.checkOpen();
    registry.memory.reserve(announced.bytes, "the upload");
    try {
      const bytes = await receiveBytes(iterator, announced.bytes, context);
      const state = parseState(bytes, announced);
      checkDigest(header.manifest!.sha256, await digest(state));
      const { modulus, width } = announced;
      await checkProduct(registry, state, modulus, "theta");
      return uploadMessage(registry.uploads.add({ modulus, width, state }));
    } catch (error) {
      registry.memory.release(announced.bytes);
      throw error;
    }
  });
}

function parseHeader(header: UploadHeader): Announced {
  const checks = new Checks();
  checks.requestId(header.requestId, "header.request_id");
  const tensors = header.manifest?.tensors ?? [];
  const kind = kindOf(new Map(tensors.map(({ name }) => [name, name])));
  const names = arrayNamesOf(kind).map(outerName);
  if (tensors.length !== names.length) {
    checks.fail("header.manifest.tensors", `must be ${names.join(", ")}`, tensors.length);
    checks.throwIfAny();
  }
  const [width, modulus] = [tensors[0]!.shape[0] ?? 0, tensors[0]!.shape[1] ?? 0];
  const plausible = tensors[0]!.shape.length === 2 && modulus % 2 === 1 && modulus >= 3 && modulus <= 199;
  if (!plausible || width < 8 || width > 65_536) {
    checks.fail(
      "header.manifest.tensors[0].shape",
      "must be [M, p] with M 8 to 65536 and p odd, 3 to 199",
      `[${tensors[0]!.shape}]`,
    );
  }
  const dimension = tensors[names.indexOf("embedding")]?.shape[0] ?? 0;
  const extents = { modulus, width, ...(kind.factors && { embedding: { dimension } }) };
  if (kind.factors && (dimension < 1 || dimension > mostDimension)) {
    const field = `header.manifest.tensors[${names.indexOf("embedding")}].shape`;
    checks.fail(field, `must be [d, p] with d 1 to ${mostDimension}`, `[${dimension}, ...]`);
  }
  const announced = tensors.map(({ name, dtype, shape }, i) => {
    const field = `header.manifest.tensors[${i}]`;
    const due = arrayShape(names[i]!, extents);
    if (name !== names[i]) checks.fail(`${field}.name`, `must be ${names[i]}`, name);
    if (dtype !== DataType.FLOAT32) checks.fail(`${field}.dtype`, "must be DATA_TYPE_FLOAT32 (1)", dtype);
    if (i > 0 && (shape.length !== 2 || shape[0] !== due[0] || shape[1] !== due[1])) {
      const whose = due[0] === width && due[1] === modulus ? "theta's " : "";
      checks.fail(`${field}.shape`, `must be ${whose}[${due.join(", ")}]`, `[${shape}]`);
    }
    return { name: names[i]!, shape: due };
  });
  const numbers = announced.reduce((sum, { shape: [rows, columns] }) => sum + rows * columns, 0);
  const bytes = numbers * Float32Array.BYTES_PER_ELEMENT;
  if (header.manifest!.totalBytes !== BigInt(bytes)) {
    checks.fail(
      "header.manifest.total_bytes",
      `must be ${bytes}, the sum of the arrays`,
      header.manifest!.totalBytes,
    );
  }
  if (header.manifest!.sha256.length !== 32) {
    checks.fail("header.manifest.sha256", "must be 32 bytes", header.manifest!.sha256.length);
  }
  const step = checks.integer("header.step", header.step, 0, maxUploadStep, 0);
  if (!kind.moments && step !== 0) checks.fail("header.step", "must be 0 without moments", step);
  checks.throwIfAny();
  return { modulus, width, step, tensors: announced, bytes };
}

/**
 * Fails with INVALID_FIELD when the learned embedding's factors don't make theta, which would otherwise be lost: what is trained is the
 * factors.
 */
export async function checkProduct(
  registry: Registry,
  { theta, factors }: Snapshot["state"],
  modulus: number,
  field: string,
): Promise<void> {
  if (factors === undefined) return;
  const operations = 2 * factors.projection.length * modulus;
  const error = await registry.analyst.run("productError", operations, theta, factors, modulus);
  if (error <= mostProductError) return;
  const must = `must be projection times embedding, but for a relative ${mostProductError}`;
  throw invalid([{ field, description: `${must}; it is ${error.toPrecision(3)} off` }]);
}

async function receiveBytes(
  iterator: AsyncIterator<UploadWeightsRequest>,
  total: number,
  context: Context,
): Promise<Uint8Array> {
  const bytes = new Uint8Array(total);
  let offset = 0;
  for await (const data of receiveChunks(iterator, total, "the manifest's", context)) {
    bytes.set(data, offset);
    offset += data.length;
  }
  return bytes;
}

/**
 * The bytes that follow a header, in order and all of them.
 *
 * @param whose - for people: who says that there are `total`
 */
export async function* receiveChunks(
  iterator: AsyncIterator<UploadWeightsRequest>,
  total: number,
  whose: string,
  context: Context,
): AsyncGenerator<Uint8Array> {
  let offset = 0;
  for (let next = await iterator.next(); !next.done; next = await iterator.next()) {
    context.throwIfAborted();
    const { part } = next.value;
    if (part.case !== "chunk")
      throw invalid([{ field: "chunk", description: "must be set after the header" }]);
    const { data } = part.value;
    const checks = new Checks();
    if (data.length < 1 || data.length > maxChunkBytes) {
      checks.fail("chunk.data", `must be 1 to ${maxChunkBytes} bytes`, data.length);
    }
    if (part.value.offset !== BigInt(offset))
      checks.fail("chunk.offset", `must be ${offset}, the bytes so far`, part.value.offset);
    if (offset + data.length > total) {
      checks.fail("chunk.data", `must end at ${whose} ${total} bytes`, offset + data.length);
    }
    checks.throwIfAny();
    offset += data.length;
    yield data;
  }
  await notCutOff(context);
  if (offset === total) return;
  throw new GrokboxError(
    "CHECKSUM_MISMATCH",
    `the stream ended after ${offset} of ${total} bytes; nothing was kept`,
    { expected: total, got: offset },
  );
}

/** Fails with CHECKSUM_MISMATCH unless both are the same SHA-256. */
export function checkDigest(expectedBytes: Uint8Array, gotBytes: Uint8Array): void {
  const expected = Buffer.from(expectedBytes).toString("hex");
  const got = Buffer.from(gotBytes).toString("hex");
  if (got === expected) return;
  throw new GrokboxError(
    "CHECKSUM_MISMATCH",
    `the bytes' SHA-256 is ${got}, not the announced ${expected}; nothing was kept`,
    { expected, got },
  );
}

/** What the client is told of an upload that was kept. */
export function uploadMessage({ name, expireTimeMs, modulus, width, state, train, spec }: Upload) {
  return {
    upload: name,
    expireTime: timestampFromMs(expireTimeMs),
    modulus,
    width,
    step: BigInt(state.step),
    hasMoments: state.moments !== undefined,
    hasAverages: state.averages !== undefined,
    hasSplit: train !== undefined,
    ...defined({
      spec: spec && specMessage(spec),
      embeddingDimension: state.factors && state.factors.embedding.length / modulus,
    }),
  };
}

/** After the end of a stream: fails when it was its caller's giving up. */
async function notCutOff(context: Context): Promise<void> {
  await setTimeout(cutOffMs);
  // What has come meanwhile is read before.
  await setImmediate();
  context.throwIfAborted();
}

function parseState(bytes: Uint8Array, { step, tensors }: Announced): Snapshot["state"] {
  let offset = 0;
  const parts = tensors.map(({ name, shape: [rows, columns] }) => {
    const data = new Float32Array(bytes.buffer, offset, rows * columns);
    offset += data.byteLength;
    return { name, data, columns };
  });
  for (const { name, data, columns } of parts) {
    const at = data.findIndex((value) => !Number.isFinite(value));
    const negative = name.endsWith("_second") ? data.findIndex((value) => value < 0) : -1;
    if (at !== -1) {
      const field = `${name}[${Math.floor(at / columns)}, ${at % columns}]`;
      throw invalid([{ field, description: `must be finite; got ${data[at]}` }]);
    }
    if (negative !== -1) {
      const field = `${name}[${Math.floor(negative / columns)}, ${negative % columns}]`;
      const description = `must not be negative, as a second moment; got ${data[negative]}`;
      throw invalid([{ field, description }]);
    }
  }
  return stateOf(step, parts);
}
