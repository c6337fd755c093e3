import { setImmediate } from "node:timers/promises";
import { type CopyReport, copySteps } from "./copy-store.ts";
import { type Database, openForReading } from "./database.ts";
import { examine } from "./examine.ts";
import type { Damage } from "./rows.ts";
import { asStoreError } from "./sqlite-error.ts";

export { type CopyReport, describe } from "./copy-store.ts";
export { type RestoreOptions, restoreBackup } from "./restore.ts";

/** Of SQLite's own complaints; more say nothing new. */
const complaintsShown = 100;

/** For how long a check may keep its thread before others have a turn. */
const turnMs = 20;

/**
 * Everything that is wrong with a store file: SQLite's own integrity check, then every row with its arrays, by session and step. A
 * sound store yields nothing. It may be in use, and is read as it was at one moment.
 *
 * @throws StoreError MISSING, NEWER, IO; CORRUPT when it is no store at all
 */
export async function* checkStore(file: string): AsyncGenerator<Damage, void> {
  const database = openForReading(file);
  try {
    database.db.exec("BEGIN");
    let turnStart = performance.now();
    for (const damage of everything(database)) {
      if (damage !== undefined) yield damage;
      if (performance.now() - turnStart < turnMs) continue;
      await setImmediate();
      turnStart = performance.now();
    }
  } catch (error) {
    throw asStoreError(error, {}, "IO");
  } finally {
    database.close();
  }
}

/** undefined for what is sound. */
function* everything(database: Database): Generator<Damage | undefined> {
  yield* complaints(database, `PRAGMA integrity_check(${complaintsShown})`, (row) =>
    row.integrity_check === "ok" ? undefined : `SQLite: ${row.integrity_check}`,
  );
  yield* complaints(
    database,
    "PRAGMA foreign_key_check",
    (row) => `row ${row.rowid} of ${row.table} belongs to nothing that there is`,
  );
  yield* complaints(
    database,
    `SELECT DISTINCT content FROM arrays
     WHERE content NOT IN (SELECT content FROM heads) AND content NOT IN (SELECT content FROM snapshots)`,
    (row) => `arrays ${row.content} belong to no head and no snapshot`,
  );
  for (const { damage } of examine(database)) yield damage;
}

function* complaints(
  database: Database,
  text: string,
  what: (row: Record<string, unknown>) => string | undefined,
): Generator<Damage | undefined> {
  try {
    for (const row of database.sql(text).iterate()) {
      const complaint = what(row);
      yield complaint === undefined ? undefined : { of: "file", what: complaint };
    }
  } catch (error) {
    const { kind, message } = asStoreError(error, {}, "IO");
    if (kind !== "CORRUPT") throw error;
    yield { of: "file", what: `SQLite: ${message}` };
  }
}

/**
 * Copies every good row of a store file into the new store file `to`, and leaves out, and reports, the damaged ones. What belongs to a
 * session whose own record is damaged is left out, too. The damaged file stays as it is.
 *
 * @throws StoreError EXISTS when `to` exists; MISSING, NEWER, IO, FULL; CORRUPT when it is no store at all
 */
export async function salvageStore(file: string, to: string): Promise<CopyReport> {
  const database = openForReading(file);
  try {
    const copying = copySteps(database, to, { onDamage: "skip" });
    let turnStart = performance.now();
    for (;;) {
      const { done, value } = copying.next();
      if (done) return value;
      if (performance.now() - turnStart < turnMs) continue;
      await setImmediate();
      turnStart = performance.now();
    }
  } finally {
    database.close();
  }
}
