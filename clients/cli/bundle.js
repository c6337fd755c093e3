// Bundles the command line with all that it needs into build/bundle, from where bin/grokbox.js starts it as long as its sources are
// what they were: several hundred modules one by one take three times as long to load. Plain JavaScript, for whichever Node runs npm's
// postinstall.
//
// Does nothing when the bundle is of these sources already; --force builds in any case, and failing to is an error then. An install
// never fails because of it: without a bundle the sources run.
import { mkdirSync, renameSync, rmSync, statSync, writeFileSync } from "node:fs";
import { join, relative } from "node:path";
import { fileURLToPath } from "node:url";
import { bundleFolder, isBundled, repository } from "./bundle-stamp.js";

const force = process.argv.includes("--force");

try {
  if (!force && isBundled()) console.log("command line: the bundle is up to date");
  else console.log(`command line: bundled ${await bundle()} modules`);
} catch (error) {
  console.log(`command line: no bundle, it will start from its sources: ${error?.message ?? error}`);
  if (force) process.exitCode = 1;
}

/** Beside its place and then renamed: a command may be starting from the old one, and an install may race another. */
async function bundle() {
  const { build } = await import("vite");
  const work = `${bundleFolder}-${process.pid}`;
  const modules = new Set();
  try {
    await build({
      configFile: false,
      root: fileURLToPath(new URL(".", import.meta.url)),
      logLevel: "error",
      // Of native code only the name of the package stays.
      ssr: { noExternal: true, external: ["@resvg/resvg-js"] },
      build: { ssr: "main.ts", outDir: work, emptyOutDir: true, target: "node24", minify: false },
      plugins: [
        {
          name: "what it is made of",
          generateBundle() {
            for (const id of this.getModuleIds()) modules.add(id.replace(/^\0/, "").replace(/\?.*$/, ""));
          },
        },
      ],
    });
    const own = [...modules].filter((path) => path.startsWith(repository) && !path.includes("node_modules"));
    // What says which files the names of packages are.
    const manifests = [
      "package-lock.json",
      "clients/figures/package.json",
      "proto/package.json",
      "sdk/package.json",
    ];
    const sources = [
      ...own,
      fileURLToPath(import.meta.url),
      ...manifests.map((path) => join(repository, path)),
    ];
    const stamp = sources.sort().map((path) => {
      const { size, mtimeMs } = statSync(path);
      return [relative(repository, path), size, mtimeMs];
    });
    writeFileSync(join(work, "sources.json"), JSON.stringify(stamp));
    rmSync(bundleFolder, { recursive: true, force: true });
    mkdirSync(join(bundleFolder, ".."), { recursive: true });
    renameSync(work, bundleFolder);
    return modules.size;
  } finally {
    rmSync(work, { recursive: true, force: true });
  }
}
