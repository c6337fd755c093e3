import { expect, test } from "vitest";
import { softwareAdapterMissing } from "../server/engine/webgpu/testing/software-adapter.ts";
import { soak } from "./soak/soak.ts";

// An hour of it is `npm run soak`.
test.skipIf(softwareAdapterMissing !== undefined)(
  softwareAdapterMissing ?? "sessions that come and go on a GPU leave nothing on it",
  async () => {
    const report = await soak({ engine: "webgpu", software: true, minutes: 0.1, sampleSeconds: 3 });
    expect(report.sessions).toBeGreaterThanOrEqual(8);
    expect(report.usedBytes).toBeGreaterThan(0);
    expect(report.leftBytes).toBe(0);
  },
);
