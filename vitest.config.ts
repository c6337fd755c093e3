import { tmpdir } from "node:os";
import { join } from "node:path";
import { defineConfig } from "vitest/config";

/** Tests of functions: nothing is left behind that another file could see, so that they need no process each. */
const pure = ["{bench,clients,scripts}/**/*.test.ts", "server/{messages,model}/**/*.test.ts"];
const exclude = ["**/node_modules/**", "**/dist/**", "tests/full/**"];

export default defineConfig({
  test: {
    projects: [
      { extends: true, test: { name: "pure", include: pure, exclude, isolate: false } },
      {
        extends: true,
        test: { name: "whole", include: ["{sdk,server,tests}/**/*.test.ts"], exclude: [...exclude, ...pure] },
      },
    ],
    // Two cores: more workers only make the timing of real processes worse.
    maxWorkers: 2,
    env: {
      // Servers that tests start as a process keep nothing, unless a test says where.
      GROKBOX_EPHEMERAL: "1",
      // Processes that tests start are ready in half the time: Node keeps what it has compiled where the command line keeps it too.
      NODE_COMPILE_CACHE: join(tmpdir(), "node-compile-cache"),
    },
    testTimeout: 120_000,
    hookTimeout: 60_000,
  },
});
