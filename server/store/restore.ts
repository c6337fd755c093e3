import { existsSync, linkSync, renameSync, rmSync } from "node:fs";
import { join } from "node:path";
import { copyStore } from "./copy-store.ts";
import { Database, makeDirectory, openForReading, storeFile, syncDirectory } from "./database.ts";
import { Lock } from "./lock.ts";
import { asStoreError } from "./sqlite-error.ts";
import { StoreError } from "./store-error.ts";
import { saysNoLinks } from "./unfinished-file.ts";

export interface RestoreOptions {
  /** Whether a store that is there may be replaced; it stays beside the new one, under the name that is returned. @default false */
  readonly replace?: boolean;
}

/**
 * Makes a backup the store of `directory`. It is read whole and verified first; the directory has its former store, or none, until it
 * has the new one, complete.
 *
 * @returns where the replaced store is now, if there was one
 * @throws StoreError EXISTS when there is a store and `replace` isn't said; HELD; CORRUPT or NEWER, of the backup; MISSING, IO, FULL
 */
export function restoreBackup(
  file: string,
  directory: string,
  { replace = false }: RestoreOptions = {},
): string | undefined {
  let lock: Lock | undefined;
  try {
    const backup = openForReading(file);
    try {
      makeDirectory(directory);
      lock = new Lock(directory, `pid ${process.pid}, which restores ${file}`);
      const store = join(directory, storeFile);
      if (existsSync(store) && !replace) {
        throw new StoreError("EXISTS", `${directory} has a store already; say that it is to be replaced`);
      }
      const restored = join(directory, "restored.db");
      // Of a restoration that was cut short.
      rmSync(restored, { force: true });
      copyStore(backup, restored, { onDamage: "fail" });
      const former = existsSync(store) ? setAside(store) : undefined;
      // A WAL without its store is nothing, but would be taken for the new one's.
      for (const suffix of ["-wal", "-shm"]) rmSync(`${store}${suffix}`, { force: true });
      renameSync(restored, store);
      syncDirectory(directory);
      return former;
    } finally {
      backup.close();
    }
  } catch (error) {
    throw asStoreError(error, {}, "IO");
  } finally {
    lock?.release();
  }
}

/** Gives a store a second name, under which it stays when the first one is taken by another. */
function setAside(store: string): string {
  const aside = `${store}.replaced-${new Date().toISOString().replaceAll(":", "-")}`;
  try {
    const database = new Database(store);
    try {
      // So that everything is in the one file.
      database.db.exec("PRAGMA wal_checkpoint(TRUNCATE)");
    } finally {
      database.close();
    }
  } catch {
    // It is damaged: then its WAL goes along as it is.
  }
  try {
    linkSync(store, aside);
  } catch (error) {
    if (!saysNoLinks(error)) throw error;
    // For a moment there is no store, but for the two that are complete beside its place.
    renameSync(store, aside);
  }
  if (existsSync(`${store}-wal`)) renameSync(`${store}-wal`, `${aside}-wal`);
  return aside;
}
