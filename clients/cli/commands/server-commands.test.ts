import { expect, test } from "vitest";
import { serverArgv } from "./server-commands.ts";

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
