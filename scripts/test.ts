import { spawn, spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

/**
 * All checks and tests, with a last line that counts them. A check (formatting, types, protos, generated code,
 * entry points) counts as one test. Arguments go to vitest and leave the checks out: `npm test -- server/model`.
 */
const args = process.argv.slice(2);
const count = { passed: 0, failed: 0, skipped: 0 };

function run(command: string, ...argv: string[]): boolean {
  return spawnSync(command, argv, { stdio: "inherit" }).status === 0;
}

/** What a command prints is shown at its end: another runs beside it. */
async function check(name: string, command: string, ...argv: string[]): Promise<void> {
  const child = spawn(command, argv, { stdio: ["ignore", "pipe", "pipe"] });
  const printed: Buffer[] = [];
  for (const stream of [child.stdout, child.stderr]) stream.on("data", (bytes) => printed.push(bytes));
  const passed = await new Promise<boolean>((resolve) => {
    child.on("error", () => resolve(false));
    child.on("close", (code) => resolve(code === 0));
  });
  count[passed ? "passed" : "failed"] += 1;
  process.stdout.write(Buffer.concat(printed));
  console.log(`${passed ? "ok    " : "FAILED"} ${name}`);
}

if (!process.version.startsWith("v24.")) {
  console.error(
    `scripts run on Node ${process.version}, not on the Node 24 of this project: is "npm ci" done?`,
  );
  process.exit(1);
}

if (args.length === 0) {
  // The longest first, since two run at a time.
  const checks = [
    ["documentation is what the comments say", "node", "scripts/check-docs.ts"],
    ["types (tsc)", "tsc", "--noEmit"],
    ["formatting and lint (biome)", "biome", "check", "."],
    ["generated code is up to date", "node", "scripts/check-generated.ts"],
    ["entry points load without a build", "node", "scripts/check-entry-points.ts"],
    ["types of the dashboard (tsc)", "tsc", "-p", "clients/dashboard"],
    ["protos (buf lint)", "buf", "lint"],
  ] as const;
  const waiting = checks.values();
  const work = async () => {
    for (const [name, command, ...argv] of waiting) await check(name, command, ...argv);
  };
  await Promise.all([work(), work()]);
}

const folder = mkdtempSync(join(tmpdir(), "grokbox-test-"));
const report = join(folder, "report.json");
const vitestPassed = run(
  "vitest",
  "run",
  "--reporter=default",
  "--reporter=json",
  `--outputFile=${report}`,
  ...args,
);
try {
  const { numPassedTests, numFailedTests, numPendingTests, numTodoTests, numFailedTestSuites } = JSON.parse(
    readFileSync(report, "utf8"),
  );
  count.passed += numPassedTests;
  count.failed += numFailedTests;
  count.skipped += numPendingTests + numTodoTests;
  // A file that fails to load has no test that fails; an error outside of tests has neither.
  if (!vitestPassed && numFailedTests === 0) count.failed += Math.max(1, numFailedTestSuites);
} catch {
  count.failed += 1;
}
rmSync(folder, { recursive: true });

console.log(`${count.passed} passed, ${count.failed} failed, ${count.skipped} skipped`);
process.exitCode = count.failed === 0 ? 0 : 1;
