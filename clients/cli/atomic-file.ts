import { randomBytes } from "node:crypto";
import { open, realpath, rename, stat, unlink } from "node:fs/promises";
import { basename, dirname, join } from "node:path";

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
