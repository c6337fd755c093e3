import { expect, it } from "vitest";
import { arraysOf } from "../../model/network-state.ts";
import { makeStart } from "../conformance/arbitrary-problem.ts";
import { choiceOf } from "../conformance/example-starts.ts";
import { acquireDevice } from "./device.ts";
import { Pipelines } from "./pipelines.ts";
import { planOf, shapeOf } from "./plan.ts";
import { Pool, type Slot } from "./pool.ts";
import { PoolMemory } from "./pool-memory.ts";
import { writeScalars } from "./scalars.ts";
import {
  softwareAdapterMissing,
  softwareShapes,
  useSoftwareAdapterOnThisThread,
} from "./testing/software-adapter.ts";

useSoftwareAdapterOnThisThread();

it.skipIf(softwareAdapterMissing)(
  "a pool takes states, problems and checkpoints along to a larger memory",
  async () => {
    const { device, info } = await acquireDevice(true);
    const { problem, state } = makeStart(choiceOf(softwareShapes[0]));
    const plan = planOf(shapeOf(problem), info.limits);
    const pipelines = await Pipelines.compile(device, plan);
    const pool = new Pool(device, plan, pipelines, new PoolMemory(device, plan, pipelines, 2));
    const slots = [pool.take()!, pool.take()!];
    expect(pool.take()).toBeUndefined();
    for (const slot of slots) pool.write(slot, problem, state);
    const evaluate = ({ index: slot }: Slot) =>
      pool.submit([
        {
          ...{ slot, inverseTrained: 1, passes: 1, updates: 0, scalars: new Float32Array(8) },
          ...{ captures: [], checkpoint: 1 },
        },
      ]);
    const { traces } = await evaluate(slots[1]);
    const changed = { ...state, theta: state.theta.map((value) => 2 * value) };
    pool.write(slots[1], problem, changed);

    pool.moveTo(new PoolMemory(device, plan, pipelines, 4));
    expect(pool.capacity).toBe(4);
    expect(await pool.read(slots[1])).toMatchObject(arraysOf(changed));
    pool.restore([slots[1]], 1);
    expect(await pool.read(slots[1])).toMatchObject(arraysOf(state));
    expect((await evaluate(slots[0])).traces).toEqual(traces);
    expect([...slots, pool.take()!, pool.take()!].map(({ index }) => index)).toEqual([0, 1, 2, 3]);
    expect(pool.take()).toBeUndefined();
    device.destroy();
  },
);

const loopShapes = [
  { modulus: 7, width: 43, activation: "gelu", optimizer: "adamw" },
  { modulus: 5, width: 18, activation: "x^2", optimizer: "sgd" },
] as const;

it.skipIf(softwareAdapterMissing).each(process.env.LONG_TESTS ? loopShapes : loopShapes.slice(0, 1))(
  "many passes in one loop are those of as many dispatches: $activation",
  async (shape) => {
    const { device, info } = await acquireDevice(true);
    const start = makeStart(choiceOf(shape));
    const grokfast = { alpha: 0.9, lambda: 2 };
    const problem = { ...start.problem, optimizer: { ...start.problem.optimizer, grokfast } };
    const tile = {
      members: 1,
      pairLanes: 1,
      differences: 2,
      ahead: 2,
      neurons: 4,
      many: false,
      staged: true,
    };
    const [passes, updates, captures] = [12, 11, [0, 3, 4, 11]];
    /** @param atOnce - the software adapter runs one workgroup for sure */
    const run = async (atOnce: number) => {
      const plan = planOf(shapeOf(problem), info.limits, { neuronParts: 8, tiles: [tile], atOnce });
      expect(plan.passes[0].dispatches[0].isLoop ?? false).toBe(atOnce > 0);
      const pipelines = await Pipelines.compile(device, plan);
      const memory = new PoolMemory(device, plan, pipelines, 2);
      const pool = new Pool(device, plan, pipelines, memory);
      // Not the first one: who is alone has its state bound from its slot on.
      const [, slot] = [pool.take()!, pool.take()!];
      pool.write(slot, problem, start.state);
      const submit = (from: number) => {
        const scalars = new Float32Array(passes * plan.scalarsAStep);
        for (let i = 0; i < updates; i++) writeScalars(problem, from + i, 0, scalars, i * plan.scalarsAStep);
        return pool.submit([
          {
            slot: slot.index,
            inverseTrained: 0.1,
            passes,
            updates,
            scalars,
            captures,
            checkpoint: undefined,
          },
        ]);
      };
      const made = [await submit(0), await submit(updates)];
      return { made, state: await pool.read(slot), memory };
    };
    const [loop, { memory: _, ...dispatched }] = [await run(1), await run(0)];
    expect({ made: loop.made, state: loop.state }).toEqual(dispatched);
    const { COPY_DST, MAP_READ } = GPUBufferUsage;
    const staging = device.createBuffer({ size: 8, usage: COPY_DST | MAP_READ });
    const encoder = device.createCommandEncoder();
    encoder.copyBufferToBuffer(loop.memory.buffers.scratch, 0, staging, 0, 8);
    device.queue.submit([encoder.finish()]);
    await staging.mapAsync(GPUMapMode.READ);
    // Arrivals, as they were before, and whether a workgroup has waited in vain.
    expect([...new Uint32Array(staging.getMappedRange())]).toEqual([0, 0]);
    device.destroy();
  },
);
