import { tmpdir } from "node:os";
import { join } from "node:path";
import { defineConfig } from "vitest/config";
import { BaseSequencer, type TestSpecification } from "vitest/node";

const exclude = ["**/node_modules/**", "**/dist/**", "tests/full/**"];

/** They need a process each: of what a process has one, they change or measure it. */
const alone = [
  "server/*.test.ts",
  "server/engine/**/*.test.ts",
  "server/sessions/device-loss.test.ts",
  "tests/{cancellation,defects,e2e,engines,readme,soak}.test.ts",
];

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
      // One after another in the same processes: a process for each would load everything again, which takes half a second and more.
      { extends: true, test: { name: "shared", exclude: [...exclude, ...alone], isolate: false } },
      { extends: true, test: { name: "alone", include: alone, exclude } },
    ],
    sequence: { sequencer: LongestFirst },
    // Two cores: more workers only make the timing of real processes worse.
    maxWorkers: 2,
    env: {
      // Servers that tests start as a process keep nothing, unless a test says where.
      GROKBOX_EPHEMERAL: "1",
      // As in tests/testing/server.ts.
      GROKBOX_THREADS: "1",
      // Processes and threads that tests start are ready in half the time.
      NODE_COMPILE_CACHE: join(tmpdir(), "node-compile-cache"),
    },
    testTimeout: 120_000,
    hookTimeout: 60_000,
  },
});
