import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { DownloadedSnapshot, Tensor } from "@grokbox/sdk";
import { toNpy } from "./npy.ts";

/** Writes a snapshot's arrays, each [M, p] float32, and what they are of. Returns the paths. */
export function writeSnapshot(snapshot: DownloadedSnapshot, folder: string): string[] {
  const { theta, xi, moments, ...about } = snapshot;
  const arrays: Record<string, Tensor | undefined> = {
    theta,
    xi,
    theta_first: moments?.thetaFirst,
    theta_second: moments?.thetaSecond,
    xi_first: moments?.xiFirst,
    xi_second: moments?.xiSecond,
  };
  mkdirSync(folder, { recursive: true });
  const write = (name: string, content: string | Uint8Array) => {
    const path = join(folder, name);
    writeFileSync(path, content);
    return path;
  };
  return [
    ...Object.entries(arrays).flatMap(([name, tensor]) =>
      tensor === undefined ? [] : [write(`${name}.npy`, toNpy(tensor))],
    ),
    write("snapshot.json", `${JSON.stringify(about, undefined, 2)}\n`),
  ];
}
