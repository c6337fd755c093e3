import { randomBytes } from "node:crypto";
import { accessSync, constants, realpathSync, statSync } from "node:fs";
import { open, realpath, rename, stat, unlink } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import { UsageError } from "./usage-error.ts";

type Pieces = AsyncIterable<Uint8Array> | Iterable<Uint8Array>;

/**
 * Writes a file that appears under its name only when it is whole and on disk; when that fails, what was there before stays. What is no
 * file, such as /dev/null, is written to as it is.
 *
 * @returns bytes written
 */
export async function writeWhole(path: string, pieces: Pieces): Promise<number> {
  const before = await stat(path).catch(() => undefined);
  if (before !== undefined && !before.isFile()) return write(path, "w", pieces);
  const target = before === undefined ? path : await realpath(path);
  const part = join(dirname(target), `.${basename(target)}.${randomBytes(4).toString("hex")}.part`);
  try {
    const bytes = await write(part, "wx", pieces);
    await rename(part, target);
    return bytes;
  } catch (error) {
    await unlink(part).catch(() => {});
    throw error;
  }
}

/** Before anything is done for a file that can't be written. */
export function checkWritable(path: string): void {
  try {
    const before = statSync(path, { throwIfNoEntry: false });
    if (before?.isDirectory()) throw Object.assign(new Error("is a folder"), { code: "EISDIR" });
    // A file is written as another one beside it; a device, such as /dev/stdout, as it is.
    const isDevice = before !== undefined && !before.isFile();
    // With the dot it must be a folder.
    const folder = () => `${dirname(before === undefined ? path : realpathSync(path))}/.`;
    accessSync(isDevice ? path : folder(), constants.W_OK);
  } catch (error) {
    throw new UsageError(`can't write ${path}: ${(error as NodeJS.ErrnoException).code ?? error}`);
  }
}

/** What a message about a file can be said beside; on a pipe or a device, as /dev/stdout is, it would be at its end. */
export function isFile(path: string): boolean {
  return statSync(path, { throwIfNoEntry: false })?.isFile() ?? false;
}

async function write(path: string, flags: "w" | "wx", pieces: Pieces): Promise<number> {
  await using file = await open(path, flags);
  let bytes = 0;
  for await (const piece of pieces) {
    await file.writeFile(piece);
    bytes += piece.length;
  }
  if (flags === "wx") await file.sync();
  return bytes;
}
