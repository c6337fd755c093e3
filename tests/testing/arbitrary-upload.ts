import { createHash } from "node:crypto";
import type { MessageInitShape } from "@bufbuild/protobuf";
import type { UploadWeightsRequestSchema } from "@grokbox/proto/snapshot";
import { DataType } from "@grokbox/proto/tensor";
import fc from "fast-check";

export type UploadMessage = MessageInitShape<typeof UploadWeightsRequestSchema> | Uint8Array;

/** An upload that is right in everything. */
export interface Upload {
  readonly modulus: number;
  readonly width: number;
  /** theta and xi, and AdamW's four moments after them when there are 6. */
  readonly arrays: Float32Array[];
  readonly step: bigint | undefined;
  readonly requestId: string;
  /** Where one chunk ends and the next begins, increasing. */
  readonly cuts: readonly number[];
}

export interface Header {
  requestId: string;
  manifest: { tensors: Tensor[]; totalBytes: bigint; sha256: Uint8Array } | undefined;
  step: bigint | undefined;
}

export interface Tensor {
  name: string;
  dtype: number;
  shape: number[];
}

export interface Chunk {
  offset: bigint;
  data: Uint8Array;
}

/** What a fault may change: the values before they are sent, then the header, then the messages. */
export interface Parts {
  readonly arrays: readonly Float32Array[];
  readonly header: Header;
  messages: UploadMessage[];
}

/** A change of an upload, at the first of these that it is a change of. */
export interface Change {
  readonly of: keyof Parts;
  readonly change: (parts: Parts) => void;
}

export const names = ["theta", "xi", "theta_first", "theta_second", "xi_first", "xi_second"];

/** Zeros of either sign and the smallest numbers are as good as any. */
const value = fc.oneof(
  { weight: 8, arbitrary: fc.float({ min: -0.5, max: 0.5, noNaN: true }) },
  { weight: 1, arbitrary: fc.constantFrom(0, -0, 2 ** -149, -(2 ** -149), 0.5) },
);

export const arbitraryUpload: fc.Arbitrary<Upload> = fc
  .record({
    modulus: fc.constantFrom(3, 5, 7),
    width: fc.integer({ min: 8, max: 10 }),
    moments: fc.boolean(),
    step: fc.option(fc.oneof(fc.constantFrom(0n, 1n, 2n ** 52n), fc.bigInt({ min: 0n, max: 2n ** 52n })), {
      nil: undefined,
    }),
    requestId: fc.oneof(fc.constant(""), fc.uuid()),
    // Few numbers repeated: as good as many, and quick to make.
    values: fc.array(value, { minLength: 1, maxLength: 40 }),
    cuts: fc.array(fc.double({ min: 0, max: 1, noNaN: true, maxExcluded: true }), { maxLength: 6 }),
  })
  .map(({ modulus, width, moments, step, requestId, values, cuts }) => {
    const arrays = Array.from({ length: moments ? 6 : 2 }, (_, i) => {
      const second = i === 3 || i === 5;
      return Float32Array.from({ length: modulus * width }, (__, j) => {
        const number = values[(j + i) % values.length]!;
        return second && number < 0 ? -number : number;
      });
    });
    const total = arrays.length * modulus * width * 4;
    const inside = [...new Set(cuts.map((cut) => Math.floor(cut * total)))].filter((cut) => cut > 0);
    return {
      modulus,
      width,
      arrays,
      step: moments ? step : undefined,
      requestId,
      cuts: inside.sort((a, b) => a - b),
    };
  });

/** The messages of an upload, right or changed. */
export function messagesOf(upload: Upload, changes: readonly Change[] = []): UploadMessage[] {
  const arrays = upload.arrays.map((array) => array.slice());
  const parts: Parts = { arrays, header: headerOf(upload), messages: [] };
  const apply = (what: keyof Parts) => {
    for (const { of, change } of changes) if (of === what) change(parts);
  };
  apply("arrays");
  const bytes = Buffer.concat(arrays.map((array) => new Uint8Array(array.buffer)));
  parts.header.manifest!.sha256 = createHash("sha256").update(bytes).digest();
  const ends = [...upload.cuts, bytes.length];
  const chunks = ends.map((end, i) => {
    const start = ends[i - 1] ?? 0;
    return chunkMessage({ offset: BigInt(start), data: bytes.subarray(start, end) });
  });
  parts.messages = [{ part: { case: "header", value: parts.header as never } }, ...chunks];
  apply("header");
  apply("messages");
  return parts.messages;
}

function headerOf({ modulus, width, arrays, step, requestId }: Upload): Header {
  const tensors = arrays.map((_, i) => ({
    name: names[i]!,
    dtype: DataType.FLOAT32,
    shape: [width, modulus],
  }));
  const totalBytes = BigInt(arrays.length * width * modulus * 4);
  return { requestId, step, manifest: { tensors, totalBytes, sha256: new Uint8Array() } };
}

export function chunkMessage(value: Chunk): UploadMessage {
  return { part: { case: "chunk", value: value as never } };
}

/** Of the messages of an upload that was not changed. */
export function chunkAt(messages: readonly UploadMessage[], i: number): Chunk {
  return (messages[1 + i] as { part: { value: Chunk } }).part.value;
}
