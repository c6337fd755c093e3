import { closeSync, existsSync, openSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { makeDirectory } from "./database.ts";
import { openingError } from "./opening-error.ts";
import { StoreError } from "./store-error.ts";

interface Holder {
  readonly holder: string;
  readonly since: string;
}

/**
 * One server a directory: an exclusive transaction, held open, on a small database of its own, so that others can still read the
 * store. The lock is the operating system's and goes with its process, however that ends; SQLite also keeps apart two that are in
 * one process. Who holds it stands in a file beside it, `holder.json`.
 */
export class Lock {
  readonly #database: DatabaseSync;
  readonly #note: string;

  /** @throws StoreError HELD, IO */
  constructor(directory: string, holder: string) {
    makeDirectory(directory);
    const path = join(directory, "lock.db");
    this.#note = join(directory, "holder.json");
    // Only ever made, never opened when it is there: to close a second descriptor of it would drop the lock of this process.
    if (!existsSync(path)) makeEmpty(path);
    try {
      this.#database = new DatabaseSync(path, { timeout: 0 });
    } catch (error) {
      throw openingError(path, error);
    }
    try {
      this.#database.exec("BEGIN EXCLUSIVE");
    } catch (error) {
      this.#database.close();
      const busy = ((error as { errcode?: number }).errcode ?? 0) & 0xff;
      if (busy !== 5) throw openingError(path, error);
      throw new StoreError("HELD", `${directory} is in use by ${describeHolder(this.#note)}`, {
        cause: error,
      });
    }
    try {
      const note: Holder = { holder, since: new Date().toISOString() };
      writeFileSync(this.#note, `${JSON.stringify(note)}\n`, { mode: 0o600 });
    } catch {
      // It is for people only; a full disk must not keep a server from starting.
      rmSync(this.#note, { force: true });
    }
  }

  release(): void {
    rmSync(this.#note, { force: true });
    this.#database.close();
  }
}

function makeEmpty(path: string): void {
  try {
    closeSync(openSync(path, "wx", 0o600));
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "EEXIST") throw error;
  }
}

function describeHolder(note: string): string {
  try {
    const { holder, since } = JSON.parse(readFileSync(note, "utf8")) as Holder;
    return `${holder}, since ${since}`;
  } catch {
    return "another server, which hasn't said who it is";
  }
}
