import { expect, it } from "vitest";
import { arraysOf } from "../../model/network-state.ts";
import { makeStart } from "../conformance/arbitrary-problem.ts";
import { choiceOf } from "../conformance/example-starts.ts";
import { acquireDevice } from "./device.ts";
import { Pipelines } from "./pipelines.ts";
import { planOf, shapeOf } from "./plan.ts";
import { Pool, PoolMemory } from "./pool.ts";
import { softwareAdapterMissing, softwareShapes, useSoftwareAdapter } from "./testing/software-adapter.ts";

useSoftwareAdapter();

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
    const evaluate = (slot: number) =>
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
    pool.restore([{ slot: slots[1] }], 1);
    expect(await pool.read(slots[1])).toMatchObject(arraysOf(state));
    expect((await evaluate(slots[0])).traces).toEqual(traces);
    expect(new Set([...slots, pool.take(), pool.take()])).toEqual(new Set([0, 1, 2, 3]));
    expect(pool.take()).toBeUndefined();
    device.destroy();
  },
);
