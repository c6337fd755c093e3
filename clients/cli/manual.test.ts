import { readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { describeCommands } from "./completion/commands.ts";
import { exitCodeMeanings } from "./exit-code.ts";
import { buildProgram } from "./program.ts";

const readme = readFileSync(join(import.meta.dirname, "README.md"), "utf8");
const { stdin, stdout, stderr } = process;
const interrupt = new AbortController().signal;
const world = { env: {}, stdin, stdout, stderr, interrupt, version: "0.0.0", serverEntry: undefined };
const program = describeCommands(buildProgram({ world, action: () => async () => {} }));

test("the README has every command with all of its options", () => {
  for (const { name, options } of program.commands) {
    const row = readme.split("\n").find((line) => new RegExp(`^\\| \`${name}[ \`]`).test(line)) ?? "";
    if (!row.includes("the server's own"))
      expect([name, row.match(/--[a-z-]+/g) ?? []]).toEqual([
        name,
        expect.arrayContaining(options.map(({ long }) => long)),
      ]);
    expect(row).not.toBe("");
  }
  for (const { long } of program.options) if (long !== "--version") expect(readme).toContain(long);
});

test("the README has every exit code", () => {
  const rows = [...readme.matchAll(/^\| (\d+) \| (.+) \|$/gm)].map(([, code, meaning]) => [
    Number(code),
    meaning,
  ]);
  expect(rows).toEqual(exitCodeMeanings);
});
