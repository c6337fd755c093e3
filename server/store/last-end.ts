import type { Database } from "./database.ts";

/**
 * How the last one who wrote a store left it: closed, cut off, or as a copy of one that may have gone on since (a backup, what was
 * salvaged).
 */
export type End = "clean" | "crash" | "copy";

const values: Readonly<Record<End, bigint>> = { crash: 0n, clean: 1n, copy: 2n };

/** The end as a row of the file. A commit takes it back, not the opening: so a store opens on a full disk. */
export class LastEnd {
  readonly #database: Database;
  #stored: End;
  #isUsed = false;
  readonly atOpening: End;

  constructor(database: Database) {
    this.#database = database;
    const value = database.sql("SELECT value FROM about WHERE key = 'clean_shutdown'").get()?.value;
    this.#stored = value === values.crash ? "crash" : value === values.copy ? "copy" : "clean";
    this.atOpening = this.#stored;
  }

  /** Within a transaction; to be followed by `stored` once that is committed. */
  write(end: End): void {
    if (end === this.#stored) return;
    this.#database
      .sql(
        "INSERT INTO about (key, value) VALUES ('clean_shutdown', ?) ON CONFLICT (key) DO UPDATE SET value = excluded.value",
      )
      .run(values[end]);
  }

  stored(end: End): void {
    this.#stored = end;
    this.#isUsed = true;
  }

  /**
   * Within a transaction: it is closed now. What it was opened as stays true where nothing came of the opening.
   *
   * @param isWhole - nothing is missing that there was to be stored
   */
  close(isWhole: boolean): void {
    if (isWhole && this.#isUsed) this.write("clean");
    else if (!isWhole && this.#stored === "clean") this.write("crash");
  }
}
