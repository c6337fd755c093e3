import { type Database, walBytes } from "./database.ts";
import type { Commit } from "./rows.ts";

export const answersKept = 10_000;
const answersBetweenRemovals = 500;

/** Free pages are given back when they are more than this much, and more than a quarter of the file. */
const slackBytes = 64 << 20;
const vacuumBytes = 8 << 20;

/** What is done after the answers to commits, so that nobody waits for it. It may fail, on a full disk say, and is tried again. */
export class Housekeeping {
  readonly #database: Database;
  #walBytes = 0;
  #answers = answersBetweenRemovals;

  constructor(database: Database) {
    this.#database = database;
  }

  /** To be told of every commit. */
  note(unit: Commit): void {
    const states = [...(unit.putHeads ?? []), ...(unit.putSnapshots ?? [])];
    // Commits of small rows write a dozen pages.
    this.#walBytes += 100_000;
    for (const { arrays } of states) for (const { data } of arrays) this.#walBytes += data.byteLength;
    this.#answers += unit.putAnswers?.length ?? 0;
  }

  /**
   * @param now - in ms since 1970
   * @returns whether there is more to do
   */
  run(now: number): boolean {
    this.#attempt(() => this.#removeAnswers(now));
    const more = this.#attempt(() => this.#giveBack());
    this.#attempt(() => this.#checkpoint());
    return more ?? false;
  }

  #attempt<T>(work: () => T): T | undefined {
    try {
      return work();
    } catch {
      this.#database.rollback();
      return undefined;
    }
  }

  #removeAnswers(now: number): void {
    if (this.#answers < answersBetweenRemovals) return;
    this.#database.transaction(() => {
      this.#database.sql("DELETE FROM answers WHERE expire_time_ms <= ?").run(now);
      this.#database
        .sql(
          "DELETE FROM answers WHERE rowid <= (SELECT rowid FROM answers ORDER BY rowid DESC LIMIT 1 OFFSET ?)",
        )
        .run(answersKept);
    });
    this.#answers = 0;
  }

  #giveBack(): boolean {
    const page = this.#database.pragma("page_size");
    const free = this.#database.pragma("freelist_count");
    if (free * page < slackBytes || free < this.#database.pragma("page_count") / 4) return false;
    this.#database.db.exec(`PRAGMA incremental_vacuum(${Math.ceil(vacuumBytes / page)})`);
    // The file becomes shorter with the checkpoint.
    this.#walBytes = walBytes;
    return true;
  }

  /** Passive: it waits for no reader, and what a reader still needs stays in the WAL until the next time. */
  #checkpoint(): void {
    if (this.#walBytes < walBytes) return;
    this.#walBytes = 0;
    this.#database.db.exec("PRAGMA wal_checkpoint(PASSIVE)");
  }
}
