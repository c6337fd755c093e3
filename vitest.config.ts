import { defineConfig } from "vitest/config";

export default defineConfig({
  test: {
    include: ["{server,sdk,clients,tests,bench,scripts}/**/*.test.ts"],
    exclude: ["**/node_modules/**", "**/dist/**", "tests/full/**"],
    // Two cores: more workers only make the timing of real processes worse.
    maxWorkers: 2,
    // Servers that tests start as a process keep nothing, unless a test says where.
    env: { GROKBOX_EPHEMERAL: "1" },
    testTimeout: 120_000,
    hookTimeout: 60_000,
  },
});
