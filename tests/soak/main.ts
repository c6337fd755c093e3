import { parseArgs } from "node:util";
import { soak } from "./soak.ts";

/** What the server's memory may grow by from the second third of the time to the last, MiB. */
const mostGrowthMiB = 32;

const { values } = parseArgs({
  options: {
    minutes: { type: "string", default: "60" },
    engine: { type: "string", default: "webgpu" },
    software: { type: "boolean", default: false },
    json: { type: "boolean", default: false },
  },
});
const minutes = Number(values.minutes);
const { engine, software } = values;
if (!(minutes > 0) || (engine !== "webgpu" && engine !== "cpu")) {
  console.error("--minutes must be greater than 0, --engine webgpu or cpu");
  process.exit(2);
}
const report = await soak({
  ...{ engine, software, minutes },
  sampleSeconds: Math.min(60, minutes * 4),
  onSample: ({ minute, residentMiB, deviceBytes, sessions, steps }) => {
    if (!values.json)
      console.log(
        `${minute.toFixed(1)} min: ${residentMiB.toFixed(1)} MiB resident, ${deviceBytes} bytes on the device; ${sessions} sessions, ${steps} steps`,
      );
  },
});
const { samples: _, ...totals } = report;
console.log(values.json ? JSON.stringify(report) : totals);
process.exitCode = report.growthMiB <= mostGrowthMiB && report.leftBytes === 0 ? 0 : 1;
