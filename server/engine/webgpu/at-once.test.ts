import { expect, it } from "vitest";
import { makeStart } from "../conformance/arbitrary-problem.ts";
import { choiceOf } from "../conformance/example-starts.ts";
import { DeviceLostError } from "../errors.ts";
import { countAtOnce } from "./at-once.ts";
import { acquireDevice } from "./device.ts";
import { Gpu } from "./gpu.ts";
import { softwareAdapterMissing, useSoftwareAdapterOnThisThread } from "./testing/software-adapter.ts";

useSoftwareAdapterOnThisThread();

/** Tasks into which SwiftShader divides a dispatch: of more workgroups, some come after others. */
const mostTasks = 16;

it.skipIf(softwareAdapterMissing)(
  "workgroups that don't run at once lose the device, and are relied on no more",
  async () => {
    const { device, info } = await acquireDevice(true);
    expect(info.limits.atOnce).toBe(0);
    const count = await countAtOnce(device, info.limits);
    expect(count).toBeGreaterThanOrEqual(1);
    expect(count).toBeLessThanOrEqual(mostTasks);

    const { problem, state } = makeStart(
      choiceOf({ modulus: 7, width: 100, activation: "relu", optimizer: "sgd" }),
    );
    const tile = {
      members: 1,
      pairLanes: 1,
      differences: 2,
      ahead: 2,
      neurons: 4,
      many: false,
      staged: true,
    };
    const tuning = { neuronParts: 8, tiles: [tile], atOnce: mostTasks + 1 };
    const gpu = await Gpu.open({ allowSoftware: true, memoryBytes: undefined, tuning });
    const loading = gpu.load(problem, state);
    await expect(loading).rejects.toThrow(DeviceLostError);
    await expect(loading).rejects.toThrow("workgroups that were found to run at once no longer do");
    await gpu.quiesce();
    expect(await countAtOnce(device, info.limits)).toBe(0);
    device.destroy();
  },
);
