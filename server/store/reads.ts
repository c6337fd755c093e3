import { statSync } from "node:fs";
import { newestAnswerToGo } from "./answers-kept.ts";
import type { Database } from "./database.ts";
import type { Damage, EventRow, ProgressRow, Usage } from "./rows.ts";
import { eventFromRow, progressFromRow } from "./small-rows.ts";
import { asStoreError } from "./sqlite-error.ts";
import { damageOfRow } from "./states.ts";
import { StoreError } from "./store-error.ts";
import { intact, type Row, type Table } from "./tables.ts";

/**
 * What a server's start needs, as it is stored: JSON is parsed where it is used, since to send ten thousand objects from thread to
 * thread takes longer.
 */
export interface LoadedRows {
  readonly sessions: Row[];
  readonly snapshots: Row[];
  readonly answers: Row[];
  readonly damaged: Damage[];
}

export function loadRows(database: Database, now: number): LoadedRows {
  const damaged: Damage[] = [];
  const good = (
    text: string,
    parameters: (number | bigint)[],
    check: (row: Row) => Damage | undefined,
  ): Row[] => {
    const rows = database.sql(text).all(...parameters) as Row[];
    return rows.filter((row) => {
      const damage = check(row);
      if (damage !== undefined) damaged.push(damage);
      return damage === undefined;
    });
  };
  return {
    sessions: good("SELECT * FROM sessions ORDER BY ordinal", [], (row) => damageOf("sessions", row)),
    snapshots: good("SELECT * FROM snapshots ORDER BY session, step", [], (row) =>
      damageOf("snapshots", row),
    ),
    answers: good(
      "SELECT * FROM answers WHERE expire_time_ms > ? AND rowid > ? ORDER BY rowid",
      [now, newestAnswerToGo(database, now)],
      (row) => damageOf("answers", row),
    ),
    damaged,
  };
}

/** What is wrong with a row itself; the arrays of heads and snapshots aside. */
export function damageOf(table: Table, row: Row): Damage | undefined {
  if (intact(table, row)) return undefined;
  const session = legibleText(row.session);
  switch (table) {
    case "sessions":
      return { of: "session", ...named(legibleText(row.id)), what: "its record is damaged" };
    case "heads":
    case "snapshots":
      return {
        of: table === "heads" ? "head" : "snapshot",
        ...named(session, row.step),
        what: damageOfRow(table, row)!,
      };
    case "progress":
      return {
        of: "progress",
        ...named(session),
        what: `the points from sequence ${row.first_sequence} on are damaged`,
      };
    case "answers":
      return { of: "answer", what: `the answer to request ${row.request_id} is damaged` };
    case "events":
      return { of: "event", ...named(session, row.step), what: "an event is damaged" };
    case "sweeps":
      return { of: "sweep", what: `the record of sweep ${legibleText(row.id) ?? "?"} is damaged` };
    case "sweep_runs":
      return {
        of: "run",
        what: `run ${row.run} of sweep ${legibleText(row.sweep) ?? "?"} is damaged`,
      };
  }
}

function named(session: string | undefined, step?: unknown): Pick<Damage, "session" | "step"> {
  return {
    ...(session === undefined ? {} : { session }),
    ...(typeof step === "bigint" ? { step: Number(step) } : {}),
  };
}

function legibleText(value: unknown): string | undefined {
  return typeof value === "string" ? value : undefined;
}

export function readProgress(database: Database, session: string): ProgressRow[] {
  return readAll(database, "progress", "first_sequence", session).map(progressFromRow);
}

export function readEvents(database: Database, session: string): EventRow[] {
  return readAll(database, "events", "rowid", session).map(eventFromRow);
}

function readAll(database: Database, table: "progress" | "events", order: string, session: string): Row[] {
  try {
    const rows = database
      .sql(`SELECT * FROM ${table} WHERE session = ? ORDER BY ${order}`)
      .all(session) as Row[];
    for (const row of rows) {
      const damage = damageOf(table, row);
      if (damage !== undefined) {
        throw new StoreError("CORRUPT", `session ${session}: ${damage.what}`, { session });
      }
    }
    return rows;
  } catch (error) {
    throw asStoreError(error, { session });
  }
}

export function readUsage(database: Database): Usage {
  const count = (table: Table) => Number(database.sql(`SELECT count(*) AS n FROM ${table}`).get()!.n);
  const counts = { snapshots: count("snapshots"), sessions: count("sessions") };
  if (database.path === ":memory:") {
    return {
      ...counts,
      fileBytes: database.pragma("page_count") * database.pragma("page_size"),
      walBytes: 0,
    };
  }
  const wal = statSync(`${database.path}-wal`, { throwIfNoEntry: false });
  return { ...counts, fileBytes: statSync(database.path).size, walBytes: wal?.size ?? 0 };
}
