import { expect, test } from "vitest";
import { NumpyRandom } from "./numpy-random.ts";
import { digest } from "./testing/digest.ts";
import { findPython, runPython } from "./testing/python.ts";

const python = findPython("numpy");
const seeds = [0, 42, 2 ** 32 - 1];
const sizes = [1, 2, 3, 11, 512, 9107];

const digests: Record<number, string> = {
  "0": "ad6042a855aeba09",
  "42": "8685743021c9357b",
  "4294967295": "0069f81674840a91",
};

/** One array of each size, shuffled one after another from one generator. */
function shuffled(seed: number): Uint32Array {
  const numpy = new NumpyRandom(seed);
  const arrays = sizes.map((size) => {
    const values = Uint32Array.from({ length: size }, (_, i) => i);
    numpy.shuffle(values);
    return [...values];
  });
  return Uint32Array.from(arrays.flat());
}

test.each(seeds)("shuffles have the bytes checked against NumPy, seed %i", (seed) => {
  expect(digest(shuffled(seed))).toBe(digests[seed]);
});

test.skipIf(python === undefined)("shuffle is RandomState.shuffle, bit for bit", () => {
  const program = `
import json, sys, numpy
seed, sizes = json.load(sys.stdin)
random = numpy.random.RandomState(seed)
for size in sizes:
    values = numpy.arange(size, dtype="<u4")
    random.shuffle(values)
    sys.stdout.buffer.write(values.tobytes())`;
  for (const seed of seeds) {
    const expected = new Uint32Array(runPython(python!, program, [seed, sizes]).buffer);
    expect(shuffled(seed)).toEqual(expected);
  }
});
