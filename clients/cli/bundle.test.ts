import { execFileSync, spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync, statSync, utimesSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { expect, onTestFinished, test } from "vitest";
import { bundleFolder, isBundled } from "./bundle-stamp.js";

test("a bundle is no more taken once any of its sources is another or gone", () => {
  const root = mkdtempSync(join(tmpdir(), "grokbox-bundle-"));
  onTestFinished(() => rmSync(root, { recursive: true }));
  const bundle = join(root, "bundle");
  expect(isBundled(bundle, root)).toBe(false);
  mkdirSync(bundle);
  const names = ["a.ts", "b.ts"];
  for (const name of names) writeFileSync(join(root, name), "one");
  const stamp = names.map((name) => {
    const { size, mtimeMs } = statSync(join(root, name));
    return [name, size, mtimeMs];
  });
  writeFileSync(join(bundle, "sources.json"), JSON.stringify(stamp));
  expect(isBundled(bundle, root)).toBe(true);
  const { atime, mtime } = statSync(join(root, "b.ts"));
  utimesSync(join(root, "b.ts"), atime, new Date(mtime.getTime() - 1_000));
  expect(isBundled(bundle, root)).toBe(false);
  rmSync(join(root, "b.ts"));
  expect(isBundled(bundle, root)).toBe(false);
});

test("the command line starts from its bundle", () => {
  execFileSync(process.execPath, [join(import.meta.dirname, "bundle.js")]);
  expect(isBundled()).toBe(true);
  const watching = `import { registerHooks } from "node:module";
    registerHooks({
      resolve(name, context, next) {
        const found = next(name, context);
        if (/cli.main.ts$|bundle.main.js$/.test(found.url)) process.stderr.write(found.url);
        return found;
      },
    });`;
  const preload = `data:text/javascript,${encodeURIComponent(watching)}`;
  const launcher = join(import.meta.dirname, "bin/grokbox.js");
  const { stdout, stderr } = spawnSync(process.execPath, ["--import", preload, launcher, "--version"], {
    encoding: "utf8",
  });
  expect([stdout, stderr]).toEqual(["0.1.0\n", pathToFileURL(join(bundleFolder, "main.js")).href]);
});
