import { answersKept, newestAnswerToGo } from "./answers-kept.ts";
import { type Database, walBytes } from "./database.ts";
import type { Commit } from "./rows.ts";

/** Audit events: on disk as many as take some 200 MB. Of a server that keeps nothing there is no later to look at them in. */
const eventsKept = { onDisk: 1_000_000, inMemory: 10_000 };
const rowsBetweenRemovals = 500;
/** Of answers' responses, which may be large. */
const bytesBetweenRemovals = answersKept.bytes / 4;
/** In one transaction, so that commits don't wait for it. */
const eventsAtOnce = 10 * rowsBetweenRemovals;

/** Free pages are given back when they are more than this much, and more than a quarter of the file. */
const slackBytes = 64 << 20;
const vacuumBytes = 8 << 20;

/** What is done after the answers to commits, so that nobody waits for it. It may fail, on a full disk say, and is tried again. */
export class Housekeeping {
  readonly #database: Database;
  #walBytes = 0;
  #answers = rowsBetweenRemovals;
  #answerBytes = 0;
  #events = rowsBetweenRemovals;

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
    for (const { response } of unit.putAnswers ?? []) this.#answerBytes += response.byteLength;
    this.#events += unit.putEvents?.length ?? 0;
  }

  /**
   * @param now - in ms since 1970
   * @returns whether there is more to do
   */
  run(now: number): boolean {
    this.#attempt(() => this.#removeAnswers(now));
    const moreEvents = this.#attempt(() => this.#removeEvents());
    const morePages = this.#attempt(() => this.#giveBack());
    this.#attempt(() => this.#checkpoint());
    return (moreEvents || morePages) ?? false;
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
    if (this.#answers < rowsBetweenRemovals && this.#answerBytes < bytesBetweenRemovals) return;
    this.#database.transaction(() => {
      this.#database.sql("DELETE FROM answers WHERE expire_time_ms <= ?").run(now);
      this.#database.sql("DELETE FROM answers WHERE rowid <= ?").run(newestAnswerToGo(this.#database, now));
    });
    this.#answers = 0;
    this.#answerBytes = 0;
  }

  /** The oldest go. New rows have the largest number so far, plus one, so that numbers tell how many are between. */
  #removeEvents(): boolean {
    if (this.#events < rowsBetweenRemovals) return false;
    const kept = this.#database.path === ":memory:" ? eventsKept.inMemory : eventsKept.onDisk;
    const { changes } = this.#database
      .sql(
        "DELETE FROM events WHERE rowid <= min((SELECT max(rowid) FROM events) - ?, (SELECT min(rowid) FROM events) + ? - 1)",
      )
      .run(kept, eventsAtOnce);
    const more = Number(changes) === eventsAtOnce;
    if (!more) this.#events = 0;
    return more;
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
