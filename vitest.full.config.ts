import { defineConfig } from "vitest/config";

/** The tests that take longer than `npm test` may: each has a short form there. */
export default defineConfig({
  test: {
    include: [
      "tests/full/*.test.ts",
      // The same file is the short form where these are not set to be long.
      "bench/peers/peers.test.ts",
      "server/engine/{cpu/cpu-engine,webgpu/plan,webgpu/pool,webgpu/webgpu-conformance}.test.ts",
      "server/sessions/{cohort,durability}.test.ts",
      "server/sessions/sweeps/sweep.model.test.ts",
      "server/store/{kill,store.model}.test.ts",
      "tests/{analysis,cancellation,cli,cli-durable,cli-sweeps,connect,engines,faults,fuzz,paper-whole,published-packages,readme,sweeps,uploads-fuzz}.test.ts",
    ],
    maxWorkers: 1,
    env: { GROKBOX_EPHEMERAL: "1", LONG_TESTS: "1" },
    testTimeout: 600_000,
    hookTimeout: 120_000,
  },
});
