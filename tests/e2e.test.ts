import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";
import { runEndToEnd } from "./e2e/run.ts";
import { hasChromium } from "./testing/chromium.ts";

/** What the page may weigh, gzip, KiB. */
const maxBundleKilobytes = 150;

test.skipIf(!hasChromium)(
  "the dashboard does in a browser what a person expects of it",
  async () => {
    const folder = mkdtempSync(join(tmpdir(), "grokbox-e2e-screenshots-"));
    try {
      const report = await runEndToEnd({ folder, rounds: 0, log: () => {} });
      expect(report.failures).toEqual([]);
      expect(report.passed).toBeGreaterThan(11);
      expect(report.clicks).toBeLessThanOrEqual(3);
      expect(report.bundleKilobytes).toBeLessThanOrEqual(maxBundleKilobytes);
    } finally {
      rmSync(folder, { recursive: true });
    }
  },
  240_000,
);
