import { defineConfig } from "vitest/config";

/** The tests that take longer than `npm test` may: each has a short form there. */
export default defineConfig({
  test: {
    include: ["tests/full/*.test.ts"],
    maxWorkers: 1,
    env: { GROKBOX_EPHEMERAL: "1" },
    testTimeout: 600_000,
  },
});
