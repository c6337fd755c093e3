import { expect, test } from "vitest";
import { PythonRandom } from "./python-random.ts";
import { digest } from "./testing/digest.ts";
import { findPython, runPython } from "./testing/python.ts";

const python = findPython("random");
const seeds = [0, 1, 42, 2 ** 32 - 1];
const sizes = [1, 2, 9, 529, 961, 9409];

const digests: Record<number, string> = {
  "0": "ed5245fd5fe3f205",
  "1": "4ceacc16227a4596",
  "42": "d672d4fae07c1b0b",
  "4294967295": "102ba85470c60a2d",
};

/** One list of each size, shuffled one after another from one generator. */
function shuffled(seed: number): Uint32Array {
  const random = new PythonRandom(seed);
  const lists = sizes.map((size) => {
    const values = Uint32Array.from({ length: size }, (_, i) => i);
    random.shuffle(values);
    return [...values];
  });
  return Uint32Array.from(lists.flat());
}

test.each(seeds)("shuffles have the bytes checked against Python, seed %i", (seed) => {
  expect(digest(shuffled(seed))).toBe(digests[seed]);
});

test.skipIf(python === undefined)("shuffle is random.shuffle, element for element", () => {
  const program = `
import array, json, random, sys
seed, sizes = json.load(sys.stdin)
random.seed(seed)
for size in sizes:
    values = list(range(size))
    random.shuffle(values)
    sys.stdout.buffer.write(array.array("I", values).tobytes())`;
  for (const seed of seeds) {
    const expected = new Uint32Array(runPython(python!, program, [seed, sizes]).buffer);
    expect(shuffled(seed)).toEqual(expected);
  }
});
