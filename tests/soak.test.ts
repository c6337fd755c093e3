import { expect, test } from "vitest";
import { softwareAdapterMissing } from "../server/engine/webgpu/testing/software-adapter.ts";
import { soak } from "./soak/soak.ts";

// An hour of it is `npm run soak`.
test.skipIf(softwareAdapterMissing !== undefined)(
  softwareAdapterMissing ?? "sessions that come and go on a GPU leave nothing on it",
  async () => {
    const short = { minutes: 0.1, kinds: 3, sampleSeconds: 3 };
    const report = await soak({ engine: "webgpu", software: true, ...short });
    expect(report.sessions).toBeGreaterThanOrEqual(8);
    expect(report.usedBytes).toBeGreaterThan(0);
    expect(report.leftBytes).toBe(0);
  },
);
