import { join } from "node:path";
import { parseArgs } from "node:util";
import { hasChromium } from "../testing/chromium.ts";
import { runEndToEnd } from "./run.ts";

const usage = `npm run e2e -- [options]

The dashboard in a real browser (Debian's chromium) on a server of its own: what a person does, what it costs, how it looks.

  --json         print one JSON object
  --rounds n     rounds in which the cost to training is measured (default 5)
  --folder DIR   for screenshots (default build/e2e)`;

const { values } = parseArgs({
  options: {
    json: { type: "boolean", default: false },
    rounds: { type: "string", default: "5" },
    folder: { type: "string", default: join(import.meta.dirname, "../../build/e2e") },
    help: { type: "boolean", default: false },
  },
});

if (values.help) console.log(usage);
else if (!hasChromium) {
  console.error("there is no /usr/bin/chromium: apt-get install chromium");
  process.exitCode = 1;
} else {
  const log = (line: string) => (values.json ? console.error(line) : console.log(line));
  const report = await runEndToEnd({ folder: values.folder, rounds: Number(values.rounds), log });
  if (values.json) console.log(JSON.stringify(report));
  else {
    const { speed, bundleKilobytes } = report;
    if (speed !== undefined) {
      const { framesPerSecond, drawingsPerSecond, trainingSlowdown, firstPaintMs } = speed;
      console.log(`
${framesPerSecond} frames a second, ${drawingsPerSecond} of them drawn; training ${(trainingSlowdown * 100).toFixed(1)}% slower with the page open
first paint after ${firstPaintMs} ms`);
    }
    console.log(`
${bundleKilobytes} KiB compressed
${report.passed} passed, ${report.failed} failed, ${report.skipped} skipped; screenshots:
${report.screenshots.map((path) => `  ${path}`).join("\n")}`);
  }
  if (report.failed > 0) process.exitCode = 1;
}
