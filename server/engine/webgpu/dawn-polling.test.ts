import { afterEach, expect, it } from "vitest";
import { pauseBetweenPolls, pauseMs } from "./dawn-polling.ts";
import { acquireDevice } from "./device.ts";
import { softwareAdapterMissing, useSoftwareAdapter } from "./testing/software-adapter.ts";

useSoftwareAdapter();

const { setImmediate } = globalThis;
afterEach(() => {
  globalThis.setImmediate = setImmediate;
});

it.skipIf(softwareAdapterMissing !== undefined)("lets Dawn poll, with a pause before each time", async () => {
  const { device } = await acquireDevice(true);
  try {
    pauseBetweenPolls();
    const paused = globalThis.setImmediate;
    let polls = 0;
    globalThis.setImmediate = ((poll: () => void) => {
      polls++;
      return paused(poll);
    }) as typeof setImmediate;
    const began = performance.now();
    for (let i = 0; i < 20; i++) await device.queue.onSubmittedWorkDone();
    expect(polls).toBeGreaterThan(10);
    // The last one may not have come yet.
    expect(performance.now() - began).toBeGreaterThanOrEqual((polls - 1) * pauseMs);
  } finally {
    device.destroy();
  }
});
