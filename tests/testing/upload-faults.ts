import { DataType } from "@grokbox/proto/tensor";
import fc from "fast-check";
import {
  type Change,
  type Chunk,
  chunkAt,
  chunkMessage,
  type Header,
  names,
  type Tensor,
  type Upload,
  type UploadMessage,
} from "./arbitrary-upload.ts";

/** When the server can know of a fault: of several, the caller hears of the earliest. */
const stages = ["beginning", "header", "chunks", "values", "digest"] as const;
type Stage = (typeof stages)[number];

/** Something wrong with an upload, and what its sender must be told. */
export interface Fault extends Change {
  readonly what: string;
  readonly stage: Stage;
  /** That a violation must name; undefined for the reason CHECKSUM_MISMATCH, which has none. */
  readonly field: string | undefined;
}

const maxChunkBytes = 2 ** 20;

/** Of several faults the one that the sender is told of. */
export function firstOf(faults: readonly Fault[]): Fault {
  return [...faults].sort((a, b) => stages.indexOf(a.stage) - stages.indexOf(b.stage))[0]!;
}

/** None, one or some of what can be wrong with the values, the header and the rest of the stream. */
export function arbitraryFaults(upload: Upload): fc.Arbitrary<Fault[]> {
  const some = (fault: fc.Arbitrary<Fault>) => fc.option(fault, { nil: undefined, freq: 2 });
  return fc
    .tuple(some(valueFault(upload)), some(headerFault(upload)), some(streamFault(upload)))
    .map((faults) => faults.filter((fault) => fault !== undefined));
}

function valueFault({ arrays, modulus, width }: Upload): fc.Arbitrary<Fault> {
  const at = fc.record({ row: fc.nat(width - 1), column: fc.nat(modulus - 1) });
  const wrong = (array: number, { row, column }: { row: number; column: number }, number: number): Fault => ({
    what: number < 0 && Number.isFinite(number) ? "negative second moment" : "not finite",
    of: "arrays",
    stage: "values",
    field: `${names[array]}[${row}, ${column}]`,
    change: (parts) => {
      parts.arrays[array]![row * modulus + column] = number;
    },
  });
  const infinite = fc
    .tuple(
      fc.nat(arrays.length - 1),
      at,
      fc.constantFrom(Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY),
    )
    .map((args) => wrong(...args));
  if (arrays.length === 2) return infinite;
  const negative = fc
    .tuple(fc.constantFrom(3, 5), at, fc.constantFrom(-1, -(2 ** -149)))
    .map((args) => wrong(...args));
  return fc.oneof(infinite, negative);
}

function headerFault({ arrays, modulus, width }: Upload): fc.Arbitrary<Fault> {
  const count = arrays.length;
  const index = fc.nat(count - 1);
  const path = "header.manifest";
  const fault = (
    what: string,
    field: string,
    change: (header: Header, tensors: Tensor[]) => void,
  ): Fault => ({
    what,
    of: "header",
    stage: "header",
    field,
    change: ({ header }) => change(header, header.manifest!.tensors),
  });
  const allOfShape = (what: string, shape: number[]) =>
    fault(what, `${path}.tensors[0].shape`, (header, tensors) => {
      for (const tensor of tensors) tensor.shape = [...shape];
      const numbers = shape.reduce((product, extent) => product * BigInt(extent), BigInt(count * 4));
      header.manifest!.totalBytes = BigInt.asUintN(64, numbers);
    });
  const extents = (most: number) =>
    fc.oneof(fc.integer({ min: most + 1, max: most + 3 }), fc.constantFrom(2 ** 31, 2 ** 32 - 1));
  return fc.oneof(
    fc
      .tuple(index, fc.constantFrom(0, DataType.FLOAT64, DataType.UINT32, 99))
      .map(([i, dtype]) =>
        fault("wrong dtype", `${path}.tensors[${i}].dtype`, (_, tensors) => (tensors[i]!.dtype = dtype)),
      ),
    fc
      .tuple(index, fc.oneof(fc.constantFrom("", "Theta", "constructor", "theta\0"), fc.string()))
      .filter(([i, name]) => name !== names[i] && name.isWellFormed())
      .map(([i, name]) =>
        fault("wrong name", `${path}.tensors[${i}].name`, (_, tensors) => (tensors[i]!.name = name)),
      ),
    index.map((i) => fault("missing array", `${path}.tensors`, (_, tensors) => tensors.splice(i, 1))),
    index.map((i) =>
      fault("array twice", `${path}.tensors`, (_, tensors) => tensors.splice(i, 0, { ...tensors[i]! })),
    ),
    fc
      .tuple(index, index)
      .filter(([i, j]) => i < j)
      .map(([i, j]) =>
        fault("swapped arrays", `${path}.tensors[${i}].name`, (_, tensors) => {
          [tensors[i], tensors[j]] = [tensors[j]!, tensors[i]!];
        }),
      ),
    fc
      .tuple(index, fc.constantFrom<number[]>([], [width], [width, modulus, 1], [width * modulus]))
      .map(([i, shape]) =>
        fault("wrong rank", `${path}.tensors[${i}].shape`, (_, tensors) => {
          tensors[i]!.shape = shape;
        }),
      ),
    fc
      .tuple(
        fc.integer({ min: 1, max: Math.max(1, count - 1) }),
        fc.constantFrom<number[]>([modulus, width], [0, 0]),
      )
      .map(([i, shape]) =>
        fault("shapes that differ", `${path}.tensors[${i}].shape`, (_, tensors) => {
          tensors[i]!.shape = shape;
        }),
      ),
    fc
      .oneof(fc.constantFrom(0, 1, 2, 4, 22, 198), extents(199))
      .map((p) => allOfShape("wrong p", [width, p])),
    fc.oneof(fc.nat(7), extents(65_536)).map((m) => allOfShape("wrong M", [m, modulus])),
    fc.constant(allOfShape("huge extents", [2 ** 32 - 1, 2 ** 32 - 1])),
    fc
      .oneof(
        fc.constantFrom(0n, 2n ** 32n, 2n ** 53n, 2n ** 63n, 2n ** 64n - 1n),
        fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }),
        fc.constantFrom(-4n, -1n, 1n, 4n).map((by) => BigInt(count * width * modulus * 4) + by),
      )
      .filter((bytes) => bytes !== BigInt(count * width * modulus * 4))
      .map((bytes) =>
        fault("wrong total_bytes", `${path}.total_bytes`, ({ manifest }) => {
          manifest!.totalBytes = bytes;
        }),
      ),
    fc.constantFrom(0, 1, 31, 33, 64).map((length) =>
      fault("checksum not of 32 bytes", `${path}.sha256`, ({ manifest }) => {
        manifest!.sha256 = new Uint8Array(length);
      }),
    ),
    fc.nat(31).map(
      (at): Fault => ({
        what: "wrong checksum",
        of: "header",
        stage: "digest",
        field: undefined,
        change: ({ header }) => {
          header.manifest!.sha256[at]! ^= 1;
        },
      }),
    ),
    fc
      .oneof(
        fc.constantFrom(2n ** 52n + 1n, 2n ** 53n, 2n ** 64n - 1n),
        count === 2 ? fc.bigInt({ min: 1n, max: 2n ** 52n }) : fc.constant(2n ** 52n + 1n),
      )
      .map((step) => fault("wrong step", "header.step", (header) => (header.step = step))),
    fc.constant(
      fault("no manifest", `${path}.tensors`, (header) => {
        header.manifest = undefined;
      }),
    ),
    fc.constant(fault("no arrays", `${path}.tensors`, (_, tensors) => tensors.splice(0))),
    fc
      .constantFrom("ü", "a\n", "x".repeat(129))
      .map((id) => fault("malformed request_id", "header.request_id", (header) => (header.requestId = id))),
  );
}

function streamFault({ arrays, cuts, modulus, width }: Upload): fc.Arbitrary<Fault> {
  const total = arrays.length * modulus * width * 4;
  const chunks = cuts.length + 1;
  const fault = (
    what: string,
    stage: Stage,
    field: string | undefined,
    change: (messages: UploadMessage[]) => UploadMessage[],
  ): Fault => ({
    of: "messages",
    what,
    stage,
    field,
    change: (parts) => {
      parts.messages = change(parts.messages);
    },
  });
  const changed = (i: number, what: string, field: string, change: (chunk: Chunk) => Partial<Chunk>) =>
    fault(what, "chunks", field, (messages) => {
      const chunk = chunkAt(messages, i);
      return messages.with(1 + i, chunkMessage({ ...chunk, ...change(chunk) }));
    });
  const chunk = fc.nat(chunks - 1);
  const place = fc.integer({ min: 1, max: chunks + 1 });
  const noMessage = fc
    .constantFrom([0x0a, 0xff, 0xff], [0xff], [0x12, 0x05, 0x12])
    .map((bytes) => Uint8Array.from(bytes));
  const shifts = fc.oneof(
    fc.constantFrom(-1n, 1n, 2n ** 20n, 2n ** 53n, 2n ** 63n),
    fc.bigInt({ min: 1n, max: 2n ** 63n }),
  );
  return fc.oneof(
    fc.tuple(chunk, shifts).map(([i, by]) =>
      changed(i, "chunk elsewhere", "chunk.offset", ({ offset }) => ({
        offset: BigInt.asUintN(64, offset + by),
      })),
    ),
    chunk.map((i) => changed(i, "chunk empty", "chunk.data", () => ({ data: new Uint8Array() }))),
    fc
      .tuple(chunk, fc.constantFrom(maxChunkBytes + 1, 2 * maxChunkBytes))
      .map(([i, length]) =>
        changed(i, "chunk too large", "chunk.data", () => ({ data: new Uint8Array(length) })),
      ),
    chunk.map((i) =>
      fault("chunk left out", "chunks", i === chunks - 1 ? undefined : "chunk.offset", (messages) =>
        messages.toSpliced(1 + i, 1),
      ),
    ),
    chunk.map((i) =>
      fault("chunk twice", "chunks", "chunk.offset", (messages) =>
        messages.toSpliced(1 + i, 0, messages[1 + i]!),
      ),
    ),
    ...(chunks === 1
      ? []
      : [
          fc
            .nat(chunks - 2)
            .map((i) =>
              fault("chunks swapped", "chunks", "chunk.offset", (messages) =>
                messages.toSpliced(1 + i, 2, messages[2 + i]!, messages[1 + i]!),
              ),
            ),
        ]),
    fc.integer({ min: 1, max: 64 }).map((more) =>
      changed(chunks - 1, "too many bytes", "chunk.data", ({ data }) => ({
        data: Buffer.concat([data, Buffer.alloc(more)]),
      })),
    ),
    fc.constant(
      fault("one chunk too many", "chunks", "chunk.data", (messages) => [
        ...messages,
        chunkMessage({ offset: BigInt(total), data: Buffer.alloc(4) }),
      ]),
    ),
    fc.constant(
      fault("too few bytes", "chunks", undefined, (messages) => {
        const { offset, data } = chunkAt(messages, chunks - 1);
        const shorter = chunkMessage({ offset, data: data.subarray(1) });
        return data.length === 1 ? messages.slice(0, -1) : messages.with(chunks, shorter);
      }),
    ),
    fc.constant(fault("only a header", "chunks", undefined, (messages) => messages.slice(0, 1))),
    // A low bit of theta or xi, so that what was finite or infinite still is; of a second moment that is -0 it would
    // make a negative number.
    fc.nat(2 * modulus * width - 1).map((element) =>
      fault("wrong bit", "digest", undefined, (messages) => {
        const at = cuts.findLastIndex((cut) => cut <= 4 * element) + 1;
        const { offset, data } = chunkAt(messages, at);
        const wrong = Buffer.from(data);
        wrong[4 * element - Number(offset)]! ^= 4;
        return messages.with(1 + at, chunkMessage({ offset, data: wrong }));
      }),
    ),
    place.map((i) => fault("header twice", "chunks", "chunk", (all) => all.toSpliced(i, 0, all[0]!))),
    place.map((i) => fault("empty message", "chunks", "chunk", (all) => all.toSpliced(i, 0, {}))),
    fc
      .tuple(place, noMessage)
      .map(([i, bytes]) => fault("no message", "chunks", "request", (all) => all.toSpliced(i, 0, bytes))),
    noMessage.map((bytes) => fault("no message first", "beginning", "request", (all) => all.with(0, bytes))),
    fc.constant(fault("no header", "beginning", "header", (messages) => messages.slice(1))),
    fc.constant(
      fault("a chunk before the header", "beginning", "header", ([header, first, ...rest]) => [
        first!,
        header!,
        ...rest,
      ]),
    ),
    fc.constant(fault("empty message first", "beginning", "header", (messages) => [{}, ...messages])),
    fc.constant(fault("nothing sent", "beginning", "header", () => [])),
  );
}
