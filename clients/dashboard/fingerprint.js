import { createHash } from "node:crypto";
import { readdirSync, readFileSync } from "node:fs";

// Plain JavaScript, as build.js is.

const root = new URL("../../", import.meta.url);

/** What the page is made of, files and folders; tests are no part of it. */
const sources = [
  "clients/dashboard/build.js",
  "clients/dashboard/fingerprint.js",
  "clients/dashboard/index.html",
  "clients/dashboard/package.json",
  "clients/dashboard/vite.config.ts",
  "clients/dashboard/public",
  "clients/dashboard/src",
  "clients/cli/numbers.ts",
  "clients/cli/spec-text.ts",
  "clients/cli/sweep-counts.ts",
  "clients/cli/sweep-groups.ts",
  "clients/figures/sweeps/labels.ts",
  "clients/figures/sweeps/stage-spreads.ts",
  "clients/figures/spectrum.ts",
  "clients/figures/style/palette.ts",
  "sdk/package.json",
  "sdk/src",
  "proto/package.json",
  "proto/google",
  "proto/grokbox",
  "package-lock.json",
];

/** Of everything that the built page depends on: a page with another stamp was built from other sources. */
export function dashboardFingerprint() {
  const hash = createHash("sha256");
  for (const source of sources) {
    for (const path of filesOf(source))
      hash
        .update(path)
        .update("\0")
        .update(readFileSync(new URL(path, root)));
  }
  return hash.digest("hex");
}

function filesOf(source) {
  if (/\.\w+$/.test(source)) return [source];
  return readdirSync(new URL(`${source}/`, root), { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && !entry.name.includes(".test."))
    .map((entry) => `${entry.parentPath.slice(entry.parentPath.indexOf(source))}/${entry.name}`)
    .sort();
}

/** Where the page is, and the fingerprint that it was built with. */
export const dashboardFolder = new URL("./dist/", import.meta.url);
export const dashboardStamp = new URL("./dist/.fingerprint", import.meta.url);
