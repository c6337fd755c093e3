import { randomUUID } from "node:crypto";
import {
  closeSync,
  fsyncSync,
  linkSync,
  lstatSync,
  openSync,
  readdirSync,
  renameSync,
  rmSync,
  statSync,
} from "node:fs";
import { basename, dirname, join } from "node:path";
import { Database, syncDirectory } from "./database.ts";
import { asStoreError } from "./sqlite-error.ts";
import { StoreError } from "./store-error.ts";

const withoutLinks = new Set(["EPERM", "ENOTSUP", "EOPNOTSUPP", "ENOSYS"]);

/** Whether it is what `link` fails with where there are no hard links: exFAT, some network file systems. */
export function saysNoLinks(error: unknown): boolean {
  return withoutLinks.has((error as NodeJS.ErrnoException).code ?? "");
}

const uuid = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}\.partial$/;

/**
 * A database file that is there under its name only when it is complete and on disk: it is written under another one, which no other
 * writer of the same file has, and never takes the place of a file that is there.
 *
 * Whoever writes it keeps SQLite's exclusive lock on it from the first byte to `complete`, which tells it from what a killed process
 * has left: that goes with the next writer of the same file. An empty one stays, since it may just have been made. Where locks of
 * other machines are not seen, their unfinished file may go too, and its writer fails.
 */
export class UnfinishedFile {
  /** Where to write it. */
  readonly path: string;
  readonly #to: string;
  /** Open until the end, since to close a descriptor of a file drops all locks that the process has on it. */
  readonly #descriptor: number;

  /**
   * Makes it, for its owner only.
   *
   * @throws StoreError EXISTS when `to` does
   */
  constructor(to: string) {
    this.#to = to;
    this.path = `${to}.${randomUUID()}.partial`;
    removeAbandoned(to);
    this.#refuseExisting();
    this.#descriptor = openSync(this.path, "wx", 0o600);
  }

  /**
   * Gives it its name. To be called while it is still locked.
   *
   * @throws StoreError EXISTS when another was quicker
   */
  complete(): void {
    fsyncSync(this.#descriptor);
    try {
      linkSync(this.path, this.#to);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === "EEXIST") throw exists(this.#to);
      if (!saysNoLinks(error)) throw error;
      // Of two that get here at the same moment the later one's file stays, which is complete, too.
      this.#refuseExisting();
      renameSync(this.path, this.#to);
    }
    rmSync(this.path, { force: true });
    syncDirectory(dirname(this.#to));
  }

  /** Once nobody has it open any more. Nothing is left of it unless it is complete. */
  close(): void {
    closeSync(this.#descriptor);
    rmSync(this.path, { force: true });
  }

  #refuseExisting(): void {
    if (lstatSync(this.#to, { throwIfNoEntry: false }) !== undefined) throw exists(this.#to);
  }
}

function exists(to: string): StoreError {
  return new StoreError("EXISTS", `${to} exists already; copies are made to new files`);
}

function removeAbandoned(to: string): void {
  const beginning = `${basename(to)}.`;
  try {
    for (const name of readdirSync(dirname(to))) {
      if (!name.startsWith(beginning) || !uuid.test(name.slice(beginning.length))) continue;
      const path = join(dirname(to), name);
      if (isAbandoned(path)) rmSync(path, { force: true });
    }
  } catch {
    // They only take space.
  }
}

function isAbandoned(path: string): boolean {
  let database: Database | undefined;
  try {
    if (statSync(path).size === 0) return false;
    database = new Database(path, { readOnly: true, timeoutMs: 0 });
    database.db.exec("SELECT 1 FROM sqlite_schema");
    return true;
  } catch (error) {
    // It could be read, and was cut short. Anything else may be the lock, or its writer is done.
    return asStoreError(error).kind === "CORRUPT";
  } finally {
    database?.close();
  }
}
