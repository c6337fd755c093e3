import { expect, test } from "vitest";
import { digest } from "./testing/digest.ts";
import { findPython, runPython } from "./testing/python.ts";
import { maxUlps } from "./testing/ulps.ts";
import { TorchRandom } from "./torch-random.ts";

const python = findPython("torch", "numpy");
const seeds = [0, 42, 2 ** 32 - 1];
const normalCounts = [1, 2, 3, 15, 16, 17, 31, 32, 184, 11776, 48_013];
const permutationSizes = [1, 2, 9, 529, 961, 9409];

const normalDigests: Record<number, readonly string[]> = {
  "0": [
    "3b8ea0dd3165a760",
    "057f451be76a9592",
    "1f113a802685b952",
    "feb39d97c8afee24",
    "b2c9b5583badcaf2",
    "bc15334de93c2ef0",
    "bf15aa7322099f07",
    "8187eb9997bbf216",
    "50616548dc773e36",
    "17ef374d5aade1c1",
    "660fde6bdb167655",
  ],
  "42": [
    "f4e1275c6e3dd10f",
    "7ef8fd6ae2c91bdc",
    "1027da7e4b73a8a7",
    "8db9a5331024e1ef",
    "0dddbefe5945e15f",
    "b646cbbb787d7780",
    "0c17949b8db09d3a",
    "010b142b9775027e",
    "82532b3d9e0538fc",
    "dd291524b5096dbc",
    "4f686e4665f6ea69",
  ],
  "4294967295": [
    "e0de4bdd3c18db0d",
    "2245dc5bd2006dcf",
    "ea14cb16fa66e46c",
    "110481d58fd3f6aa",
    "8974ba831aa50b97",
    "86f9ec42a0e56b20",
    "e04eb1238d8cac1d",
    "74763978695fc8c5",
    "3fb77984700a7039",
    "a0fb82e961758c08",
    "e3865f9b46b81f56",
  ],
};
const permutationDigests: Record<number, readonly string[]> = {
  "0": [
    "df3f619804a92fdb",
    "01acecb507abfe1a",
    "d26126e1f177b4cf",
    "abc878a785c8a8f0",
    "fd5fafc152cf4050",
    "c4bc8d339cd720c6",
  ],
  "42": [
    "df3f619804a92fdb",
    "01acecb507abfe1a",
    "56dab6f18b339edf",
    "14c6694d78e2bfec",
    "16ee42c942e185e1",
    "b16d404bdeca9ccf",
  ],
  "4294967295": [
    "df3f619804a92fdb",
    "7c9fa136d4413fa6",
    "80a782f6c7c226c3",
    "26e4b7abfa1cbfbd",
    "133c3175b4a41e9e",
    "921c90ee47a23686",
  ],
};

test.each(seeds)("randn of every length has the bytes checked against PyTorch, seed %i", (seed) => {
  expect(normalCounts.map((count) => digest(new TorchRandom(seed).randn(count)))).toEqual(
    normalDigests[seed],
  );
});

test.each(seeds)("randperm of every size has the bytes checked against PyTorch, seed %i", (seed) => {
  const digests = permutationSizes.map((size) => digest(new TorchRandom(seed).randperm(size)));
  expect(digests).toEqual(permutationDigests[seed]);
});

const peer = `
import json, sys, torch
for seed, calls in json.load(sys.stdin):
    torch.manual_seed(seed)
    for kind, count in calls:
        values = torch.randn(count) if kind == "randn" else torch.randperm(count).int()
        sys.stdout.buffer.write(values.numpy().tobytes())
`;

type Call = ["randn" | "randperm", number];

/** What PyTorch draws in each of the calls, made one after another from one generator for each seed. */
function drawWithTorch(runs: readonly (readonly [number, readonly Call[]])[]): ArrayBuffer[][] {
  const bytes = runPython(python!, peer, runs);
  let offset = 0;
  const next = (length: number) => {
    offset += length;
    return bytes.slice(offset - length, offset).buffer as ArrayBuffer;
  };
  return runs.map(([, calls]) => calls.map(([, count]) => next(4 * count)));
}

test.skipIf(python === undefined)("randn and randperm are PyTorch's, in any sequence of calls", () => {
  // Odd small counts leave a spare normal behind, which later small counts use and large ones pass over.
  const mixed: Call[] = [
    ["randn", 3],
    ["randn", 20],
    ["randn", 1],
    ["randperm", 529],
    ["randn", 5],
    ["randn", 5],
    ["randn", 2],
    ["randn", 1000],
    ["randperm", 16],
    ["randn", 7],
  ];
  const runs = seeds.flatMap((seed): [number, Call[]][] => [
    ...normalCounts.map((count): [number, Call[]] => [seed, [["randn", count]]]),
    ...permutationSizes.map((size): [number, Call[]] => [seed, [["randperm", size]]]),
    [seed, mixed],
  ]);
  const drawn = drawWithTorch(runs);
  runs.forEach(([seed, calls], run) => {
    const torch = new TorchRandom(seed);
    calls.forEach(([kind, count], call) => {
      const where = `seed ${seed}: ${JSON.stringify(calls.slice(0, call + 1))}`;
      const expected = drawn[run][call];
      if (kind === "randperm") expect(torch.randperm(count), where).toEqual(new Uint32Array(expected));
      else expect(maxUlps(torch.randn(count), new Float32Array(expected)), where).toBeLessThanOrEqual(3);
    });
  });
});

test.each([16, 17, 31, 32, 11_776, 48_013])(
  "skipping randn(%i) leaves the generator where drawing does",
  (count) => {
    const drawing = new TorchRandom(7);
    const skipping = new TorchRandom(7);
    drawing.randn(count);
    skipping.skipRandn(count);
    expect(skipping.randperm(100)).toEqual(drawing.randperm(100));
  },
);

test("normals have the moments of a standard normal distribution", () => {
  const values = new TorchRandom(1).randn(200_000);
  const mean = values.reduce((sum, value) => sum + value, 0) / values.length;
  const variance = values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / values.length;
  expect(Math.abs(mean)).toBeLessThan(0.01);
  expect(Math.abs(variance - 1)).toBeLessThan(0.015);
});
