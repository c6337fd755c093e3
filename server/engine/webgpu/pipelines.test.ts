import { expect, it } from "vitest";
import { acquireDevice } from "./device.ts";
import { Pipelines } from "./pipelines.ts";
import { planOf } from "./plan.ts";
import { softwareAdapterMissing, useSoftwareAdapterOnThisThread } from "./testing/software-adapter.ts";

useSoftwareAdapterOnThisThread();

it.skipIf(softwareAdapterMissing)(
  "kernels for more networks, of which one failed to compile, are compiled when asked again",
  async () => {
    const { device, info } = await acquireDevice(true);
    try {
      const shape = { modulus: 5, width: 12, activation: "relu", optimizer: "sgd" } as const;
      const plan = planOf({ ...shape, dimension: 0, grokfast: false }, info.limits);
      const { members } = plan.passes.at(-1)!;
      expect(members).toBeGreaterThan(1);
      const pipelines = await Pipelines.compile(device, plan, 1);
      const few = pipelines.passOf(members);
      device.createComputePipelineAsync = () => Promise.reject(new Error("no memory left to compile in"));
      await expect(pipelines.prepare(members)).rejects.toThrow("no memory left to compile in");
      // What there was is there still.
      expect(pipelines.passOf(members)).toEqual(few);
      Reflect.deleteProperty(device, "createComputePipelineAsync");
      await pipelines.prepare(members);
      expect(pipelines.passOf(members)).not.toEqual(few);
      expect(pipelines.passOf(1)).toEqual(few);
    } finally {
      device.destroy();
    }
  },
);
