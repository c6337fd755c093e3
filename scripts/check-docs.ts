import { existsSync, readFileSync } from "node:fs";
import { makePages } from "./docs/pages.ts";

/** Fails when `docs/` is not what the comments say. */
for (const [path, text] of await makePages()) {
  if (existsSync(path) && readFileSync(path, "utf8") === text) continue;
  console.error(`${path} is not what "npm run docs" makes`);
  process.exitCode = 1;
}
