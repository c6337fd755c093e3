import { closeSync, existsSync, fsyncSync, mkdirSync, openSync } from "node:fs";
import { dirname } from "node:path";
import { DatabaseSync, type StatementSync } from "node:sqlite";
import { applicationId, migrations, readableVersion } from "./migrations.ts";
import { asStoreError } from "./sqlite-error.ts";
import { StoreError } from "./store-error.ts";

/** The name of a store in its directory. */
export const storeFile = "grokbox.db";

/** For how long another process (a backup, a doctor) may keep the file from us before a call fails. */
const busyTimeoutMs = 5_000;

/**
 * A state's arrays are tens of pages to tens of thousands. Larger pages would make their chains shorter, but each commit writes a
 * dozen pages of indices and small rows whole, 8 times a second; 8 KiB is between.
 */
const pageBytes = 8_192;

/**
 * The WAL is put into the file when it has grown by so much, and cut back to that much when a large commit or a long reader has let it
 * grow beyond. `GroupCommit` does it after its answers; SQLite's own limit, within a commit, is twice that and seldom reached.
 */
export const walBytes = 32 << 20;

/**
 * Incremental vacuum: the space of deleted sessions goes back to the file system, in small bites (see `Housekeeping`). With none a
 * store would never shrink; with a full one nobody could use it for minutes.
 */
export const newFilePragmas = `PRAGMA page_size = ${pageBytes}; PRAGMA auto_vacuum = INCREMENTAL`;

/** An open file and its prepared statements. */
export class Database {
  readonly db: DatabaseSync;
  readonly path: string;
  readonly #statements = new Map<string, StatementSync>();

  constructor(path: string, { readOnly = false, timeoutMs = busyTimeoutMs } = {}) {
    this.path = path;
    this.db = new DatabaseSync(path, { readOnly, timeout: timeoutMs, enableForeignKeyConstraints: true });
    // A page that is damaged is found when it is read, not when it is used.
    this.db.exec("PRAGMA cell_size_check = ON; PRAGMA trusted_schema = OFF; PRAGMA temp_store = MEMORY");
  }

  sql(text: string): StatementSync {
    let statement = this.#statements.get(text);
    if (statement === undefined) {
      statement = this.db.prepare(text);
      statement.setReadBigInts(true);
      this.#statements.set(text, statement);
    }
    return statement;
  }

  pragma(name: string): number {
    return Number(Object.values(this.db.prepare(`PRAGMA ${name}`).get() ?? {})[0] ?? 0);
  }

  /** All or nothing. */
  transaction<T>(work: () => T): T {
    this.db.exec("BEGIN IMMEDIATE");
    try {
      const result = work();
      this.db.exec("COMMIT");
      return result;
    } catch (error) {
      this.rollback();
      throw error;
    }
  }

  /** Some errors have rolled back already. */
  rollback(): void {
    if (this.db.isTransaction) this.db.exec("ROLLBACK");
  }

  close(): void {
    this.db.close();
  }
}

/** The store's own connection: opens or makes the file, brings it to the present version. */
export function openDatabase(path: string): Database {
  if (path !== ":memory:") makeFile(path);
  const database = new Database(path);
  try {
    const { db } = database;
    if (isEmpty(database)) {
      db.exec(newFilePragmas);
    } else refuseForeign(database);
    db.exec(`
      PRAGMA journal_mode = WAL;
      PRAGMA synchronous = FULL;
      PRAGMA wal_autocheckpoint = ${(2 * walBytes) / pageBytes};
      PRAGMA journal_size_limit = ${walBytes};
      PRAGMA cache_size = -16384;
    `);
    migrate(database);
    return database;
  } catch (error) {
    database.close();
    throw error;
  }
}

/** A connection that only reads, beside the store's own if there is one. */
export function openForReading(file: string): Database {
  if (!existsSync(file)) throw new StoreError("MISSING", `there is no file ${file}`);
  const database = new Database(file, { readOnly: true });
  try {
    refuseForeign(database);
    const version = database.pragma("user_version");
    if (version < readableVersion) {
      throw new StoreError(
        "INVALID",
        `${file} is of version ${version}, this grokbox reads versions ${readableVersion} to ${migrations.length}; start a server on it once, which brings it there`,
      );
    }
    return database;
  } catch (error) {
    database.close();
    throw error;
  }
}

/** New, or its making was cut short. */
function isEmpty(database: Database): boolean {
  try {
    return database.db.prepare("SELECT 1 FROM sqlite_schema LIMIT 1").get() === undefined;
  } catch (error) {
    throw asStoreError(error);
  }
}

/** Refuses files of a newer version and databases of other programs. */
function refuseForeign(database: Database): void {
  let version: number;
  let application: number;
  try {
    version = database.pragma("user_version");
    application = database.pragma("application_id");
  } catch (error) {
    throw asStoreError(error);
  }
  if (version > migrations.length) {
    throw new StoreError(
      "NEWER",
      `${database.path} is of version ${version}, this grokbox knows versions up to ${migrations.length}; use a newer grokbox`,
    );
  }
  if (application !== applicationId) {
    throw new StoreError(
      "CORRUPT",
      `${database.path} is no grokbox store: its application id is ${application}`,
    );
  }
}

export function migrate(database: Database): void {
  for (let version = database.pragma("user_version"); version < migrations.length; version += 1) {
    database.transaction(() => {
      database.db.exec(migrations[version]!);
      // Both are in the file's header and thus part of the transaction.
      database.db.exec(`PRAGMA user_version = ${version + 1}; PRAGMA application_id = ${applicationId}`);
    });
  }
}

/** Makes directory and file for their owner only; SQLite gives its files beside it the same mode. */
function makeFile(path: string): void {
  makeDirectory(dirname(path));
  if (existsSync(path)) return;
  closeSync(openSync(path, "wx", 0o600));
  syncDirectory(dirname(path));
}

export function makeDirectory(directory: string): void {
  mkdirSync(directory, { recursive: true, mode: 0o700 });
}

/** Makes new, renamed and removed names in a directory durable. */
export function syncDirectory(directory: string): void {
  const descriptor = openSync(directory, "r");
  try {
    fsyncSync(descriptor);
  } finally {
    closeSync(descriptor);
  }
}
