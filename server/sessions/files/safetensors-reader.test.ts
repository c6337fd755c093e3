import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { GrokboxError } from "../errors.ts";
import { safetensorsFile } from "./safetensors.ts";
import { readSafetensors, SafetensorsReader } from "./safetensors-reader.ts";
import { moments, rawFile, safetensorsOf, weights, withTrain } from "./testing/raw-safetensors.ts";
import { read, refusal } from "./testing/refusal.ts";
import { bits, joined, smallState } from "./testing/state-files.ts";

describe("train", () => {
  const expected = new Uint8Array(25);
  expected[1] = expected[7] = expected[24] = 1;
  test.each<[string, string, readonly number[], ArrayBufferView]>([
    ["a mask of bytes", "U8", [5, 5], expected],
    ["a mask of booleans", "BOOL", [5, 5], expected],
    ["a list of indices", "I64", [3], BigInt64Array.of(1n, 7n, 24n)],
    ["a list of pairs", "I64", [3, 2], BigInt64Array.of(0n, 1n, 1n, 2n, 4n, 4n)],
  ])("is read from %s, in any chunking", (_, dtype, shape, data) => {
    fc.assert(
      fc.property(fc.array(fc.nat({ max: 2_000 }), { maxLength: 30 }), (cuts) => {
        expect(read(withTrain(dtype, shape, data), {}, cuts).train).toEqual(expected);
      }),
      { numRuns: 30 },
    );
  });
});

test("weights in float64 are rounded to float32, in any chunking", () => {
  const double = fc.double({ min: -3e38, max: 3e38, noNaN: true });
  const doubles = fc.array(double, { minLength: 40, maxLength: 40 }).map((items) => Float64Array.from(items));
  fc.assert(
    fc.property(doubles, fc.array(fc.nat({ max: 2_000 }), { maxLength: 30 }), (data, cuts) => {
      const bytes = safetensorsOf([
        { name: "theta", dtype: "F64", shape: [8, 5], data },
        { name: "xi", dtype: "F32", shape: [8, 5], data: Float32Array.from(data) },
      ]);
      const { theta, xi } = bits(read(bytes, {}, cuts).state);
      expect(theta).toEqual(xi);
    }),
  );
});

test("the header may name tensors in another order than that of their data", () => {
  const bytes = safetensorsOf([...weights(), ...moments()], undefined, (entries) => {
    const reversed = Object.entries(entries).reverse();
    for (const [name] of reversed) delete entries[name];
    Object.assign(entries, Object.fromEntries(reversed));
  });
  const { theta, xi, moments: read4 } = read(bytes).state;
  const firsts = [theta, xi, read4!.thetaFirst!, read4!.thetaSecond!, read4!.xiFirst, read4!.xiSecond];
  expect(firsts.map(([value]) => value)).toEqual([1, 2, 3, 4, 5, 6]);
});

describe("limits", () => {
  const bytes = safetensorsOf([...weights(), ...moments()]);

  test("a file larger than maxBytes is refused before anything is reserved", () => {
    const reserve = () => expect.unreachable();
    const options = { maxBytes: bytes.length - 1, reserve };
    expect(refusal(bytes, options)).toBe(
      `file: must be at most ${bytes.length - 1} bytes; its header says ${bytes.length}`,
    );
    expect(read(bytes, { maxBytes: bytes.length }).width).toBe(8);
  });

  test("the bytes of the arrays are reserved once, when the header is there and no data yet", () => {
    const reserved: number[] = [];
    const reader = new SafetensorsReader({ reserve: (count) => reserved.push(count) });
    const begin = bytes.length - 6 * 160;
    reader.push(bytes.subarray(0, begin - 1));
    expect(reserved).toEqual([]);
    reader.push(bytes.subarray(begin - 1, begin));
    expect(reserved).toEqual([6 * 160]);
    reader.push(bytes.subarray(begin));
    reader.finish();
    expect(reserved).toEqual([6 * 160]);
  });

  test("float64 is reserved as the float32 that is kept", () => {
    const wide = weights().map((tensor) => ({ ...tensor, dtype: "F64", data: new Float64Array(40) }));
    const reserved: number[] = [];
    read(safetensorsOf(wide), { reserve: (count) => reserved.push(count) });
    expect(reserved).toEqual([2 * 160]);
  });

  test("what reserve throws ends the reading, as it is", () => {
    const full = new GrokboxError("OUT_OF_MEMORY", "no room");
    const reserve = () => {
      throw full;
    };
    expect(() => read(bytes, { reserve })).toThrow(full);
  });
});

test("after a failure every call throws the same error", () => {
  const reader = new SafetensorsReader();
  const failure = (work: () => unknown) => {
    try {
      work();
    } catch (error) {
      return error;
    }
    return undefined;
  };
  const first = failure(() => reader.push(rawFile("[]")));
  expect(first).toBeInstanceOf(GrokboxError);
  expect(failure(() => reader.push(safetensorsOf(weights())))).toBe(first);
  expect(failure(() => reader.finish())).toBe(first);
});

test("an error ends the stream that it reads", async () => {
  let ended = false;
  async function* chunks() {
    try {
      for (;;) yield rawFile("[]");
    } finally {
      ended = true;
    }
  }
  await expect(readSafetensors(chunks())).rejects.toMatchObject({ reason: "INVALID_FIELD" });
  expect(ended).toBe(true);
});

test("chunks stay the caller's: what becomes of their memory changes nothing", () => {
  const file = smallState();
  const bytes = joined(safetensorsFile(file));
  const reader = new SafetensorsReader();
  const chunk = new Uint8Array(100);
  for (let at = 0; at < bytes.length; at += chunk.length) {
    const part = bytes.subarray(at, at + chunk.length);
    chunk.set(part);
    reader.push(chunk.subarray(0, part.length));
    chunk.fill(255);
  }
  expect(bits(reader.finish().state)).toEqual(bits(file.state));
});
