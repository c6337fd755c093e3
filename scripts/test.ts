import { spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

/**
 * All checks and tests, one after the other, with a last line that counts them. A check (formatting, types, protos, generated code,
 * entry points) counts as one test. Arguments go to vitest and leave the checks out: `npm test -- server/model`.
 */
const args = process.argv.slice(2);
const count = { passed: 0, failed: 0, skipped: 0 };

function run(command: string, ...argv: string[]): boolean {
  return spawnSync(command, argv, { stdio: "inherit" }).status === 0;
}

function check(name: string, command: string, ...argv: string[]): void {
  const passed = run(command, ...argv);
  count[passed ? "passed" : "failed"] += 1;
  console.log(`${passed ? "ok    " : "FAILED"} ${name}`);
}

if (!process.version.startsWith("v24.")) {
  console.error(
    `scripts run on Node ${process.version}, not on the Node 24 of this project: is "npm ci" done?`,
  );
  process.exit(1);
}

if (args.length === 0) {
  check("formatting and lint (biome)", "biome", "check", ".");
  check("types (tsc)", "tsc", "--noEmit");
  check("types of the dashboard (tsc)", "tsc", "-p", "clients/dashboard");
  check("protos (buf lint)", "buf", "lint");
  check("generated code is up to date", "node", "scripts/check-generated.ts");
  check("documentation is what the comments say", "node", "scripts/check-docs.ts");
  check("entry points load without a build", "node", "scripts/check-entry-points.ts");
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
