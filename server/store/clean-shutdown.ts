import type { Database } from "./database.ts";

/**
 * Whether the last writer closed the store, as a row of the file. It is taken back by the first commit, not when the store is opened:
 * so a store opens on a full disk, and a crash that had nothing to lose is none.
 */
export class CleanShutdown {
  readonly #database: Database;
  #stored: boolean;
  readonly atOpening: boolean;

  constructor(database: Database) {
    this.#database = database;
    const row = database.sql("SELECT value FROM about WHERE key = 'clean_shutdown'").get();
    this.#stored = row === undefined || row.value === 1n;
    this.atOpening = this.#stored;
  }

  /** Within a transaction; to be followed by `stored` once that is committed. */
  write(clean: boolean): void {
    if (clean === this.#stored) return;
    this.#database
      .sql(
        "INSERT INTO about (key, value) VALUES ('clean_shutdown', ?) ON CONFLICT (key) DO UPDATE SET value = excluded.value",
      )
      .run(clean ? 1 : 0);
  }

  stored(clean: boolean): void {
    this.#stored = clean;
  }
}
