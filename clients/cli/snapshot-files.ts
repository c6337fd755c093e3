import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { DownloadedSnapshot, Snapshot, Tensor } from "@grokbox/sdk";
import { snakeCase } from "./measures.ts";
import { toNpy } from "./npy.ts";

/** What a snapshot is of, without its arrays. */
export function aboutOf(snapshot: Snapshot | DownloadedSnapshot): Snapshot {
  const {
    theta: _,
    xi: __,
    moments: ___,
    averages: ____,
    factors: _____,
    ...about
  }: Partial<DownloadedSnapshot> & Snapshot = snapshot;
  return about;
}

/** Writes a snapshot's arrays, each float32 and named as in an export, and what they are of. Returns the paths. */
export function writeSnapshot(snapshot: DownloadedSnapshot, folder: string): string[] {
  const { theta, xi, moments, averages, factors } = snapshot;
  const arrays: Record<string, Tensor | undefined> = { theta, xi, ...moments, ...averages, ...factors };
  mkdirSync(folder, { recursive: true });
  const write = (name: string, content: string | Uint8Array) => {
    const path = join(folder, name);
    writeFileSync(path, content);
    return path;
  };
  return [
    ...Object.entries(arrays).flatMap(([name, tensor]) =>
      tensor === undefined ? [] : [write(`${snakeCase(name)}.npy`, toNpy(tensor))],
    ),
    write("snapshot.json", `${JSON.stringify(aboutOf(snapshot), undefined, 2)}\n`),
  ];
}
