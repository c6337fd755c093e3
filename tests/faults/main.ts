import { parseArgs } from "node:util";
import { killAgainAndAgain } from "./kills.ts";

const { values } = parseArgs({
  options: {
    kills: { type: "string", default: "500" },
    json: { type: "boolean", default: false },
  },
});
const kills = Number(values.kills);
if (!Number.isInteger(kills) || kills < 1) {
  console.error(`--kills must be a positive integer, got ${values.kills}`);
  process.exit(2);
}
const report = await killAgainAndAgain(kills, (done) => {
  if (process.stderr.isTTY) process.stderr.write(`\r${done} of ${kills} kills`);
});
if (process.stderr.isTTY) process.stderr.write("\n");
console.log(values.json ? JSON.stringify(report) : report);
process.exitCode = report.lost + report.corrupt === 0 && report.resumedIdentical ? 0 : 1;
