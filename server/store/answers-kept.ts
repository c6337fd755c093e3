import type { Database } from "./database.ts";

/** Stored answers: the newest, so many and so many bytes of responses. The newest one stays, however large. */
export const answersKept = { count: 10_000, bytes: 64 << 20 };

/** Rowid of the newest answer, of those that have not expired, that is not to be kept; 0 when all are. Reads lengths only, no responses. */
export function newestAnswerToGo(database: Database, now: number): bigint {
  const { last } = database
    .sql(
      `SELECT coalesce(max(row_id), 0) AS last FROM (
         SELECT rowid AS row_id, row_number() OVER newest AS count, sum(length(response)) OVER newest AS bytes
         FROM answers WHERE expire_time_ms > ? WINDOW newest AS (ORDER BY rowid DESC)
       ) WHERE count > 1 AND (count > ? OR bytes > ?)`,
    )
    .get(now, answersKept.count, answersKept.bytes)!;
  return last as bigint;
}
