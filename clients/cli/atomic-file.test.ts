import {
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { checkWritable, writeWhole } from "./atomic-file.ts";
import { UsageError } from "./usage-error.ts";

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "grokbox-file-"));
});
afterEach(() => rmSync(folder, { recursive: true }));

async function* pieces(...texts: readonly (string | Error)[]) {
  for (const text of texts) {
    if (text instanceof Error) throw text;
    yield new TextEncoder().encode(text);
  }
}

test("a file appears whole, and nothing beside it", async () => {
  const path = join(folder, "run.csv");
  expect(await writeWhole(path, pieces("one", "", "two"))).toBe(6);
  expect(readFileSync(path, "utf8")).toBe("onetwo");
  expect(readdirSync(folder)).toEqual(["run.csv"]);
});

test("what fails leaves the file that was there, and nothing else", async () => {
  const path = join(folder, "run.csv");
  writeFileSync(path, "before");
  await expect(writeWhole(path, pieces("one", new Error("broken off")))).rejects.toThrow("broken off");
  expect(readFileSync(path, "utf8")).toBe("before");
  expect(readdirSync(folder)).toEqual(["run.csv"]);
});

test("a link goes on leading to the file, which is the new one", async () => {
  mkdirSync(join(folder, "there"));
  writeFileSync(join(folder, "there/run.csv"), "before");
  symlinkSync("there/run.csv", join(folder, "link"));
  await writeWhole(join(folder, "link"), pieces("after"));
  expect(readlinkSync(join(folder, "link"))).toBe("there/run.csv");
  expect(readFileSync(join(folder, "there/run.csv"), "utf8")).toBe("after");
});

test("what is no file stays what it is; a folder is refused", async () => {
  expect(await writeWhole("/dev/null", pieces("gone"))).toBe(4);
  await expect(writeWhole(folder, pieces("x"))).rejects.toMatchObject({ code: "EISDIR" });
  await expect(writeWhole(join(folder, "no/such"), pieces("x"))).rejects.toMatchObject({ code: "ENOENT" });
});

test("what can't be written is told of before anything is done for it", () => {
  symlinkSync("/dev/null", join(folder, "device"));
  for (const path of ["/dev/null", join(folder, "device"), join(folder, "new.csv"), "new.csv"]) {
    expect(() => checkWritable(path)).not.toThrow();
  }
  writeFileSync(join(folder, "file"), "");
  for (const [path, code] of [
    [folder, "EISDIR"],
    [join(folder, "no/such"), "ENOENT"],
    [join(folder, "file/in"), "ENOTDIR"],
  ] as const) {
    expect(() => checkWritable(path)).toThrow(new UsageError(`can't write ${path}: ${code}`));
  }
});
