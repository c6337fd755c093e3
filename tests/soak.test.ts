import { expect, test } from "vitest";
import { softwareAdapterMissing } from "../server/engine/webgpu/testing/software-adapter.ts";
import { soak } from "./soak/soak.ts";

// An hour of it is `npm run soak`.
test.skipIf(softwareAdapterMissing !== undefined)(
  softwareAdapterMissing ?? "sessions that come and go on a GPU leave nothing on it",
  async () => {
    const report = await soak({ engine: "webgpu", software: true, minutes: 0.1, sampleSeconds: 3 });
    expect(report.samples.length).toBeGreaterThan(1);
    expect(report.sessions).toBeGreaterThan(8);
    expect(report.mostEngineBytes).toBe(0);
  },
);
