import { readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

// Plain JavaScript, and no more of it than every start has the time for.

export const repository = fileURLToPath(new URL("../../", import.meta.url));
export const bundleFolder = fileURLToPath(new URL("build/bundle", import.meta.url));

/** Whether there is a bundle, and every source has the size and the time that it had when that was made. */
export function isBundled(folder = bundleFolder, root = repository) {
  try {
    const sources = JSON.parse(readFileSync(join(folder, "sources.json"), "utf8"));
    return sources.every(([path, size, mtimeMs]) => {
      const now = statSync(join(root, path));
      return now.size === size && now.mtimeMs === mtimeMs;
    });
  } catch {
    return false;
  }
}
