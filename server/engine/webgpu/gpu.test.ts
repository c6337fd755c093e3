import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";
import { makeStart } from "../conformance/arbitrary-problem.ts";
import { choiceOf } from "../conformance/example-starts.ts";
import { Gpu } from "./gpu.ts";
import { Pipelines } from "./pipelines.ts";
import { planOf, shapeOf } from "./plan.ts";
import { poolBytes } from "./pool-memory.ts";
import {
  softwareAdapterMissing,
  softwareShapes,
  useSoftwareAdapterOnThisThread,
} from "./testing/software-adapter.ts";

useSoftwareAdapterOnThisThread();
const start = makeStart(choiceOf(softwareShapes[0]));
const { problem, state } = start;

describe.skipIf(softwareAdapterMissing)("a GPU with memory for a pool and another network", () => {
  let gpu: Gpu;
  let pool: number;
  let single: number;
  beforeAll(async () => {
    const probe = await Gpu.open({ allowSoftware: true, memoryBytes: undefined });
    const plan = planOf(shapeOf(problem), probe.info.limits);
    probe.destroy();
    [pool, single] = [poolBytes(plan, 4), poolBytes(plan, 1)];
    gpu = await Gpu.open({ allowSoftware: true, memoryBytes: pool + single });
  });
  afterAll(() => gpu.destroy());

  it.each([
    { waiting: 1, leaving: 1, isUsed: false },
    { waiting: 2, leaving: 2, isUsed: false },
    { waiting: 2, leaving: 1, isUsed: true },
  ])(
    "keeps no pool that nobody took: $waiting wait for one while $leaving of an older one leave",
    async ({ waiting, leaving, isUsed }) => {
      const load = async () => (await gpu.load(problem, state)).network;
      const first = await Promise.all([load(), load(), load(), load()]);
      expect(gpu.bytes).toBe(pool);
      const loading = Promise.all(Array.from({ length: waiting }, load));
      // Its memory is asked for, and comes with a later turn of the event loop.
      for (let i = 0; i < 100 && gpu.bytes === pool; i++) await undefined;
      expect(gpu.bytes).toBe(pool + single);
      for (const network of first.splice(0, leaving)) gpu.free(network);
      const last = await loading;
      expect(gpu.bytes).toBe(isUsed ? pool + single : pool);
      for (const network of [...first, ...last]) gpu.free(network);
      expect(gpu.bytes).toBe(0);
      await gpu.quiesce();
    },
  );
});

it.skipIf(softwareAdapterMissing)(
  "the kernels of shapes that nobody has stay for those used last",
  async () => {
    const compile = vi.spyOn(Pipelines, "compile");
    const gpu = await Gpu.open({ allowSoftware: true, memoryBytes: undefined, unusedShapes: 1 });
    const other = makeStart({ ...choiceOf(softwareShapes[0]), width: 10 });
    const load = async ({ problem, state } = start) => (await gpu.load(problem, state)).network;
    try {
      const [first, second] = [await load(), await load(other)];
      expect(compile).toHaveBeenCalledTimes(2);
      gpu.free(first);
      gpu.free(await load());
      expect(compile).toHaveBeenCalledTimes(2);
      gpu.free(second);
      gpu.free(await load(other));
      expect(compile).toHaveBeenCalledTimes(2);
      gpu.free(await load());
      expect(compile).toHaveBeenCalledTimes(3);
    } finally {
      compile.mockRestore();
      gpu.destroy();
    }
  },
);

it.skipIf(softwareAdapterMissing)(
  "slots that a pool keeps for more networks make room for another shape, while the last of its networks trains to the same bits",
  async () => {
    const first = makeStart({ ...choiceOf(softwareShapes[0]), modulus: 7, width: 400 });
    const other = makeStart({ ...choiceOf(softwareShapes[0]), width: 800 });
    const asked = { steps: 40, weightsAt: [], measureAt: [] };
    const load = async (gpu: Gpu, { problem, state } = first) => (await gpu.load(problem, state)).network;
    const probe = await Gpu.open({ allowSoftware: true, memoryBytes: undefined });
    const bytes = ({ problem }: typeof first, networks: number) =>
      poolBytes(planOf(shapeOf(problem), probe.info.limits), networks);
    probe.destroy();

    const room = bytes(other, 1) - bytes(first, 4) + bytes(first, 1);
    expect(room).toBeLessThan(bytes(other, 1));
    expect(room).toBeGreaterThanOrEqual(bytes(first, 1));
    const gpu = await Gpu.open({ allowSoftware: true, memoryBytes: bytes(first, 4) + room });
    try {
      // So that its kernels are there, and it comes in the middle of the advance.
      gpu.free(await load(gpu, other));
      const alone = await load(gpu);
      await gpu.advance(alone, asked);
      const expected = await gpu.read(alone);
      gpu.free(alone);
      const networks = [await load(gpu), await load(gpu), await load(gpu), await load(gpu)];
      const [last] = networks.splice(-1);
      for (const network of networks) gpu.free(network);
      expect([gpu.bytes, last.slot.index]).toEqual([bytes(first, 4), 3]);
      const advanced = gpu.advance(last, asked);
      await load(gpu, other);
      expect([gpu.bytes, last.slot.index]).toEqual([bytes(first, 1) + bytes(other, 1), 0]);
      await advanced;
      expect(await gpu.read(last)).toEqual(expected);
      await expect(load(gpu)).rejects.toThrow(/^a network of p = 7, M = 400 takes \d+ bytes .*; 0 of/);
    } finally {
      gpu.destroy();
    }
  },
);
