import { expect, it } from "vitest";
import type { TiledTuning } from "../../server/engine/webgpu/tiled-plan.ts";
import { Search, type Told } from "./search.ts";
import { TimedBench, type Times, usual, wide } from "./testing/timed-bench.ts";
import { tuningLine } from "./tuning-line.ts";

const two: TiledTuning = { forward: { buffers: 2 } };
const deep: TiledTuning = { forward: { rowQuads: 2, depth: 16 } };
const forward = ["tiled-forward", "softmax"];

/** A search that has measured the default, on a bench that takes these times for it, for `two` and for `deep`. */
async function begun(timesOf: (tuning: TiledTuning, before: number) => Times) {
  const bench = new TimedBench(timesOf);
  const search = new Search<TiledTuning>(wide, bench, {});
  await told(search.choose([{}]));
  return { bench, search };
}

const told = (all: AsyncIterable<Told>) => Array.fromAsync(all);

it("chooses by the kernels that a list changes, whatever the pass took meanwhile", async () => {
  const { search } = await begun((tuning) => (tuning === two ? { "tiled-forward": 250, pass: 950 } : {}));
  const lines = (await told(search.choose([two, deep], forward))).map(tuningLine);
  expect(search.tuning).toBe(two);
  expect(lines.at(-1)).toBe(
    '* p 97, M 9107, 1: kept {"forward":{"buffers":2}}, tiled-forward + softmax 262.0 us',
  );
});

it("counts what a kernel leaves to the one after it", async () => {
  const { search } = await begun((tuning) => (tuning === two ? { "tiled-forward": 250, softmax: 40 } : {}));
  await told(search.choose([two], forward));
  expect(search.tuning).toEqual({});
});

it.each([
  { gain: 1.008, kept: {} },
  { gain: 1.012, kept: two },
])("keeps what it has unless another way is a hundredth faster: $gain", async ({ gain, kept }) => {
  const faster = (usual["tiled-forward"] + usual.softmax) / gain - usual.softmax;
  const { search } = await begun((tuning) => (tuning === two ? { "tiled-forward": faster } : {}));
  await told(search.choose([two], forward));
  expect(search.tuning).toEqual(kept);
});

it("measures again what is within two hundredths of the fastest, and takes the lesser time of both", async () => {
  const { bench, search } = await begun((tuning, before) => {
    if (tuning === two) return { "tiled-forward": 260 };
    if (tuning === deep) return { "tiled-forward": before === 0 ? 264 : 250 };
    return {};
  });
  const lines = (await told(search.choose([two, deep], forward))).map(tuningLine);
  expect(bench.measured.slice(1)).toEqual([two, deep, two, deep]);
  expect(lines.filter((line) => line.includes("steps/s again"))).toHaveLength(2);
  expect(search.tuning).toBe(deep);
});

it("measures no plan twice in a list, nor what it keeps already", async () => {
  const { bench, search } = await begun(() => ({ "tiled-forward": 300 }));
  const same: TiledTuning = { theta: { neuronQuads: 2, differences: 7, fillingGroups: 528 } };
  const lines = await told(search.choose([same, {}]));
  expect(bench.measured).toEqual([{}]);
  expect(lines).toMatchObject([{ kept: { tuning: {}, hasFailed: false } }]);
});

it("keeps no way that leaves other bits than another in the same order", async () => {
  const { search } = await begun((tuning) => (tuning === two ? { "tiled-forward": 100, bits: "x" } : {}));
  const lines = (await told(search.choose([two], forward))).map(tuningLine);
  expect(lines[0]).toContain("OTHER BITS");
  expect(search.tuning).toEqual({});
});

it("says of a way that did not run why, and nothing of its bits, and of a list of such that it failed", async () => {
  const { search } = await begun((tuning) => {
    if (tuning === two) throw new Error("too much workgroup memory\n - While validating");
    return {};
  });
  const all = await told(search.choose([two], forward));
  expect(all.map(tuningLine)).toEqual([
    '  p 97, M 9107, 1: did not run (too much workgroup memory) {"forward":{"buffers":2}}',
    "* p 97, M 9107, 1: none ran, kept {}, tiled-forward + softmax 282.0 us",
  ]);
  expect(all.at(-1)).toMatchObject({ kept: { hasFailed: true } });
  expect((await told(search.choose([two, deep], forward))).at(-1)).toMatchObject({
    kept: { hasFailed: false },
  });
});

it("tells the time of every kernel", async () => {
  const [line] = (await told(new Search(wide, new TimedBench(() => ({})), {}).choose([{}]))).map(tuningLine);
  expect(line).toBe(
    "  p 97, M 9107, 1: 1129 steps/s {}, tiled-forward 270.0 us, softmax 12.0 us, tiled-xi 260.0 us, tiled-theta 314.0 us, tiled-update 30.0 us",
  );
});

it("ends with the best and the default, measured one right after the other", async () => {
  const { bench, search } = await begun((tuning) => (tuning === two ? { "tiled-forward": 200 } : {}));
  await told(search.choose([two], forward));
  bench.measured.length = 0;
  expect((await told(search.end())).map(tuningLine)).toEqual([
    '  p 97, M 9107, 1: best: 1225 steps/s {"forward":{"buffers":2}}, default: 1129 steps/s',
  ]);
  expect(bench.measured).toEqual([two, {}]);
});
