import { join } from "node:path";
import { expect, it } from "vitest";
import { runProcess } from "../../tests/testing/script.ts";

it.each([
  ["x", ["--tune", "--wide"]],
  ["0", ["--kernels"]],
  ["-1", ["--tune"]],
  ["Infinity", []],
])("refuses --seconds %s in one line", async (seconds, options) => {
  const args = [join(import.meta.dirname, "main.ts"), ...options, `--seconds=${seconds}`];
  expect(await runProcess(process.execPath, args, { cwd: import.meta.dirname })).toEqual({
    ...{ code: 2, output: "" },
    errors: `--seconds must be a number above 0, got ${seconds}\n`,
  });
});
