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
    const waits: number[] = [];
    globalThis.setImmediate = ((poll: () => void) => {
      const asked = performance.now();
      return paused(() => {
        waits.push(performance.now() - asked);
        poll();
      });
    }) as typeof setImmediate;
    for (let i = 0; i < 20; i++) await device.queue.onSubmittedWorkDone();
    expect(waits.length).toBeGreaterThan(10);
    expect(Math.min(...waits)).toBeGreaterThanOrEqual(pauseMs);
  } finally {
    device.destroy();
  }
});
