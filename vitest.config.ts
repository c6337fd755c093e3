import { tmpdir } from "node:os";
import { join } from "node:path";
import { defineConfig } from "vitest/config";
import { BaseSequencer, type TestSpecification } from "vitest/node";

/** Nothing is left behind that another file could see, so that they need no process each, which loads everything again. */
const pure = ["{bench,clients,scripts,sdk}/**/*.test.ts", "server/{messages,model,rpc}/**/*.test.ts"];
const exclude = ["**/node_modules/**", "**/dist/**", "tests/full/**"];

/** Files that take longest. */
const longest = [
  "tests/e2e",
  "tests/readme",
  "server/engine/webgpu/webgpu-conformance",
  "server/engine/cpu/cpu-engine",
  "tests/published-packages",
  "tests/paper-whole",
];

/** In a fresh clone vitest begins with the largest files: the longest, left for the end, would each have one worker while the other waits. */
class LongestFirst extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const rank = ({ moduleId }: TestSpecification) => {
      const place = longest.findIndex((name) => moduleId.endsWith(`/${name}.test.ts`));
      return place < 0 ? longest.length : place;
    };
    return (await super.sort(files)).sort((a, b) => rank(a) - rank(b));
  }
}

export default defineConfig({
  test: {
    projects: [
      { extends: true, test: { name: "pure", include: pure, exclude, isolate: false } },
      {
        extends: true,
        test: { name: "whole", include: ["{server,tests}/**/*.test.ts"], exclude: [...exclude, ...pure] },
      },
    ],
    sequence: { sequencer: LongestFirst },
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
