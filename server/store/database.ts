import { closeSync, existsSync, fsyncSync, mkdirSync, openSync, statSync } from "node:fs";
import { dirname, resolve } from "node:path";
import { DatabaseSync, type StatementSync } from "node:sqlite";
import { applicationId, migrations, readableVersion } from "./migrations.ts";
import { checkReadable, openingError } from "./opening-error.ts";
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

  /** @throws StoreError */
  constructor(path: string, { readOnly = false, timeoutMs = busyTimeoutMs } = {}) {
    this.path = path;
    try {
      this.db = new DatabaseSync(path, { readOnly, timeout: timeoutMs, enableForeignKeyConstraints: true });
    } catch (error) {
      throw openingError(path, error, readOnly);
    }
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
    throw openingError(path, error);
  }
}

/** A connection that only reads, beside the store's own if there is one. */
export function openForReading(file: string): Database {
  checkReadable(file);
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
    throw openingError(file, error, true);
  }
}

/** New, or its making was cut short. */
function isEmpty(database: Database): boolean {
  return database.db.prepare("SELECT 1 FROM sqlite_schema LIMIT 1").get() === undefined;
}

/** Refuses files of a newer version and databases of other programs. */
function refuseForeign(database: Database): void {
  const version = database.pragma("user_version");
  const application = database.pragma("application_id");
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

/**
 * Makes a folder, and those that lead there, for their owner only. One by one: of several at once Node tells another reason than the
 * system's where the disk is read-only, and tries for ever where it is /proc.
 */
export function makeDirectory(directory: string): void {
  const path = resolve(directory);
  if (existsSync(path)) return;
  if (dirname(path) !== path) makeDirectory(dirname(path));
  try {
    mkdirSync(path, { mode: 0o700 });
  } catch (error) {
    // Another may have been quicker.
    const isThere = (error as NodeJS.ErrnoException).code === "EEXIST" && statSync(path).isDirectory();
    if (!isThere) throw error;
  }
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
