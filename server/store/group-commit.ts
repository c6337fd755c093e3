import { applyCommit } from "./apply-commit.ts";
import type { Database } from "./database.ts";
import type { LastEnd } from "./last-end.ts";
import type { Commit, CommitResult } from "./rows.ts";
import { asStoreError, endsTransaction } from "./sqlite-error.ts";
import type { StoreError } from "./store-error.ts";

export type Outcome = CommitResult | StoreError;

/**
 * Commits that have come together are written together, since a disk takes a transaction of eight as fast as one of one. Each is in
 * a savepoint of its own and fails alone when it is at fault itself; when the disk is, all of them fail, and nothing of any is there.
 * A full disk is at fault for those that need room: each is tried alone then, since a deletion needs little, and in memory none.
 *
 * @returns the outcome of each, in order, once they are on disk
 */
export function commitTogether(database: Database, lastEnd: LastEnd, units: readonly Commit[]): Outcome[] {
  const { db } = database;
  try {
    const outcomes = database.transaction(() => {
      lastEnd.write("crash");
      return units.map((unit) => {
        db.exec("SAVEPOINT unit");
        try {
          const result = applyCommit(database, unit);
          db.exec("RELEASE unit");
          return result;
        } catch (error) {
          const storeError = asStoreError(error);
          // Some errors of the disk make SQLite roll back the transaction by itself; it is given up for all of them.
          if (endsTransaction(storeError) || !db.isTransaction) throw storeError;
          db.exec("ROLLBACK TO unit; RELEASE unit");
          return storeError;
        }
      });
    });
    lastEnd.stored("crash");
    return outcomes;
  } catch (error) {
    const storeError = asStoreError(error, {}, "IO");
    if (storeError.kind === "FULL" && units.length > 1) {
      return units.flatMap((unit) => commitTogether(database, lastEnd, [unit]));
    }
    return units.map(() => storeError);
  }
}
