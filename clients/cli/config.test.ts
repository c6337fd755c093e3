import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, test } from "vitest";
import { chooseServer, configPath } from "./config.ts";

const home = mkdtempSync(join(tmpdir(), "grokbox-config-"));
mkdirSync(join(home, "grokbox"));
afterAll(() => rmSync(home, { recursive: true }));

function write(text: string): { XDG_CONFIG_HOME: string } {
  writeFileSync(join(home, "grokbox/config.json"), text);
  return { XDG_CONFIG_HOME: home };
}

test("an option wins over the variable, that over the file, and that over the default", () => {
  const env = write('{"server": "file:1"}');
  expect(chooseServer("option:1", { ...env, GROKBOX_SERVER: "variable:1" }).address).toBe("option:1");
  expect(chooseServer(undefined, { ...env, GROKBOX_SERVER: "variable:1" }).address).toBe("variable:1");
  expect(chooseServer(undefined, { ...env, GROKBOX_SERVER: "" }).address).toBe("file:1");
  expect(chooseServer(undefined, { HOME: "/nowhere" })).toEqual({
    address: "localhost:50051",
    from: "default",
  });
  expect(chooseServer(undefined, write("{}")).from).toBe("default");
});

test("the file is where the XDG standard has it", () => {
  expect(configPath({ XDG_CONFIG_HOME: "/etc/xdg" })).toBe("/etc/xdg/grokbox/config.json");
  for (const ignored of [undefined, "", "relative"]) {
    expect(configPath({ XDG_CONFIG_HOME: ignored, HOME: "/home/me" })).toBe(
      "/home/me/.config/grokbox/config.json",
    );
  }
});

test.each([
  ["{", /is not JSON/],
  ["[]", /holds no object/],
  ['{"sever": "x"}', /unknown key "sever"/],
  ['{"server": 5}', /has 5 for its server/],
])("a file with %s is named, with what it must be", (text, message) => {
  expect(() => chooseServer(undefined, write(text))).toThrow(message);
  expect(() => chooseServer(undefined, write(text))).toThrow(/config\.json .*must be like \{"server"/);
});
