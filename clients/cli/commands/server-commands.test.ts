import { readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { nodeFlags, serverArgv } from "./server-commands.ts";

test("what the server does itself goes to it as it was typed, serve without its name", () => {
  expect(serverArgv(["serve", "--port", "0"])).toEqual(["--port", "0"]);
  for (const argv of [
    ["backup", "FILE", "--data", "DIR"],
    ["restore-backup", "FILE", "--data", "DIR"],
    ["doctor", "--salvage", "FILE"],
  ]) {
    expect(serverArgv(argv)).toEqual(argv);
  }
});

test("everything else is ours", () => {
  for (const argv of [[], ["restore", "ID@5"], ["--json", "serve"], ["help", "backup"]]) {
    expect(serverArgv(argv)).toBeUndefined();
  }
});

test("a server is started with the flags that npm start gives it", () => {
  const { scripts } = JSON.parse(readFileSync(join(import.meta.dirname, "../../../package.json"), "utf8"));
  expect(scripts.start).toBe(["exec", "node", ...nodeFlags, "server/main.ts"].join(" "));
});
