import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { stateSize } from "../../model/network-state.ts";
import { GrokboxError } from "../errors.ts";
import { safetensorsFile } from "./safetensors.ts";
import { moments, safetensorsOf, weights, withTrain } from "./testing/raw-safetensors.ts";
import { read, refusal } from "./testing/refusal.ts";
import { joined, stateFiles } from "./testing/state-files.ts";

describe("refused by its data, naming the place", () => {
  function withValue(name: string, dtype: "F32" | "F64", index: number, value: number): Uint8Array {
    const tensors = [...weights(), ...moments()].map((tensor) => {
      if (tensor.name !== name) return tensor;
      const data = dtype === "F32" ? new Float32Array(40) : new Float64Array(40);
      data[index] = value;
      return { ...tensor, dtype, data };
    });
    return safetensorsOf(tensors);
  }

  test.each<[string, "F32" | "F64", number, number, string]>([
    ["theta", "F32", 0, Number.NaN, "file.theta[0, 0]: must be finite as float32; got NaN"],
    ["xi", "F32", 39, Number.POSITIVE_INFINITY, "file.xi[7, 4]: must be finite as float32; got Infinity"],
    ["xi", "F64", 12, Number.NaN, "file.xi[2, 2]: must be finite as float32; got NaN"],
    ["theta", "F64", 6, -1e39, "file.theta[1, 1]: must be finite as float32; got -1e+39"],
    ["theta_first", "F32", 5, Number.NEGATIVE_INFINITY, "file.theta_first[1, 0]: must be finite as float32"],
    ["theta_second", "F32", 5, -1e-45, "file.theta_second[1, 0]: must not be negative, as a second moment"],
    [
      "xi_second",
      "F64",
      39,
      -1e-300,
      "file.xi_second[7, 4]: must not be negative, as a second moment; got -1e-300",
    ],
    ["xi_second", "F32", 0, Number.NEGATIVE_INFINITY, "file.xi_second[0, 0]: must be finite as float32"],
  ])("%s, %s, entry %d is %d", (name, dtype, index, value, reason) => {
    expect(refusal(withValue(name, dtype, index, value))).toContain(reason);
  });

  test.each<[string, string, readonly number[], ArrayBufferView, string]>([
    [
      "a mask with a 2",
      "U8",
      [5, 5],
      new Uint8Array(25).fill(1, 0, 7).fill(2, 7, 8),
      "file.train[1, 2]: must be 0 or 1; got 2",
    ],
    ["an empty mask", "BOOL", [5, 5], new Uint8Array(25), "file.train: must have at least one training pair"],
    [
      "an index that is too large",
      "I64",
      [2],
      BigInt64Array.of(0n, 25n),
      "file.train[1]: must be 0 to 24; got 25",
    ],
    ["a negative index", "I64", [1], BigInt64Array.of(-1n), "file.train[0]: must be 0 to 24; got -1"],
    [
      "an index of 2^32",
      "I64",
      [1],
      BigInt64Array.of(2n ** 32n),
      "file.train[0]: must be 0 to 24; got 4294967296",
    ],
    [
      "an index twice",
      "I64",
      [2],
      BigInt64Array.of(3n, 3n),
      "file.train[1]: must be after the pair before it, index 3; got index 3",
    ],
    [
      "indices out of order",
      "I64",
      [3],
      BigInt64Array.of(3n, 4n, 1n),
      "file.train[2]: must be after the pair before it",
    ],
    [
      "a pair out of range",
      "I64",
      [2, 2],
      BigInt64Array.of(0n, 1n, 1n, 5n),
      "file.train[1, 1]: must be 0 to 4; got 5",
    ],
    [
      "pairs out of order",
      "I64",
      [2, 2],
      BigInt64Array.of(1n, 0n, 0n, 4n),
      "file.train[1, 0]: must be after the pair before it, index 5; got index 4",
    ],
  ])("%s", (_, dtype, shape, data, reason) => {
    expect(refusal(withTrain(dtype, shape, data))).toContain(reason);
  });

  test("truncated data, at any place", () => {
    const bytes = safetensorsOf(weights());
    const begin = bytes.length - 320;
    for (const kept of [0, 1, 159, 160, 319]) {
      expect(refusal(bytes.subarray(0, begin + kept))).toBe(
        `file: must have 320 bytes of data; it ended after ${kept}`,
      );
    }
  });

  test("data that go on after the last tensor", () => {
    const bytes = safetensorsOf(weights());
    const longer = new Uint8Array([...bytes, 0]);
    expect(refusal(longer)).toBe("file: must end after the 320 bytes of data of its header; it goes on");
  });
});

type Edit = {
  readonly at: number;
  readonly kind: "set" | "insert" | "delete" | "cut";
  readonly byte: number;
};

test("a valid file with any bytes changed is read or refused, never more", () => {
  const edit: fc.Arbitrary<Edit> = fc.record({
    // Mostly in the header.
    at: fc.oneof(
      { weight: 4, arbitrary: fc.nat({ max: 1_200 }) },
      { weight: 1, arbitrary: fc.nat({ max: 1e4 }) },
    ),
    kind: fc.constantFrom("set", "set", "set", "insert", "delete", "cut"),
    byte: fc.oneof(fc.nat({ max: 255 }), fc.constantFrom(...Buffer.from('{}[]":,0129e-\\'))),
  });
  const cuts = fc.array(fc.nat({ max: 3_000 }), { maxLength: 5 });
  // What a valid file of this kind takes at most.
  const all = { moments: true, averages: true, factors: true };
  const most = 4 * stateSize(all, { modulus: 7, width: 10, dimension: 4 });
  const reserve = (bytes: number) => expect(bytes).toBeLessThanOrEqual(most);
  let refused = 0;
  fc.assert(
    fc.property(stateFiles, fc.array(edit, { minLength: 1, maxLength: 4 }), cuts, (file, edits, at) => {
      const bytes = edits.reduce(applied, joined(safetensorsFile(file)));
      try {
        const content = read(bytes, { reserve }, at);
        expect(content.state.theta.length).toBe(content.modulus * content.width);
      } catch (error) {
        if (!(error instanceof GrokboxError)) throw error;
        expect(error.reason).toBe("INVALID_FIELD");
        refused++;
      }
    }),
    { numRuns: 3_000 },
  );
  expect(refused).toBeGreaterThan(1_000);
});

function applied(bytes: Uint8Array, { at, kind, byte }: Edit): Uint8Array {
  const place = at % (bytes.length + 1);
  if (kind === "cut") return bytes.subarray(0, place);
  const skipped = kind === "insert" ? 0 : 1;
  const put = kind === "delete" ? [] : [byte];
  return new Uint8Array([...bytes.subarray(0, place), ...put, ...bytes.subarray(place + skipped)]);
}
