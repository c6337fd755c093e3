import type { Database } from "./database.ts";
import { damageOf } from "./reads.ts";
import type { Damage } from "./rows.ts";
import { asStoreError } from "./sqlite-error.ts";
import { damageOfArrays, type StateTable } from "./states.ts";
import type { Row, Table } from "./tables.ts";

/** A row that was looked at, or damage that is of no row. */
export interface Finding {
  readonly table: Table;
  /** undefined: it can't be read. */
  readonly row: Row | undefined;
  /** undefined: every byte of it is as it was written. */
  readonly damage: Damage | undefined;
}

/** Sessions first, since the others refer to them, and sweeps before their runs. */
const order: readonly Table[] = [
  "sessions",
  "heads",
  "snapshots",
  "progress",
  "answers",
  "events",
  "sweeps",
  "sweep_runs",
];

/**
 * Looks at every row of a store, with its arrays, and goes around what can't be read.
 *
 * @param onArray - gets the arrays of a state before the finding about it
 */
export function* examine(
  database: Database,
  onArray: (content: bigint, position: number, data: Uint8Array) => void = () => {},
): Generator<Finding> {
  for (const table of order) {
    if (!exists(database, table)) continue;
    for (const found of rowsOf(database, table)) {
      if (found instanceof Error) {
        const what = `the table of ${table} has a damaged page: ${found.message}`;
        yield { table, row: undefined, damage: { of: "file", what } };
      } else if ("unreadable" in found) {
        yield { table, row: undefined, damage: found.unreadable };
      } else {
        yield { table, row: found.row, damage: damageOfAll(database, table, found.row, onArray) };
      }
    }
  }
}

/** A file of an earlier version has fewer. */
function exists(database: Database, table: Table): boolean {
  try {
    return (
      database.sql("SELECT 1 FROM sqlite_schema WHERE type = 'table' AND name = ?").get(table) !== undefined
    );
  } catch {
    // Whatever can be had of it is looked for.
    return true;
  }
}

function damageOfAll(
  database: Database,
  table: Table,
  row: Row,
  onArray: (content: bigint, position: number, data: Uint8Array) => void,
): Damage | undefined {
  const damage = damageOf(table, row);
  if (damage !== undefined || (table !== "heads" && table !== "snapshots")) return damage;
  let what: string | undefined;
  try {
    what = damageOfArrays(database, row, (position, data) => onArray(row.content as bigint, position, data));
  } catch (error) {
    const { kind, message } = asStoreError(error, {}, "INVALID");
    if (kind !== "CORRUPT") throw error;
    what = `its arrays lie on a damaged page: ${message}`;
  }
  return what === undefined ? undefined : stateDamage(table, row, what);
}

function stateDamage(table: StateTable, row: Row, what: string): Damage {
  const of = table === "heads" ? "head" : "snapshot";
  return { of, session: row.session as string, step: Number(row.step), what };
}

/**
 * All rows of a table that can be read: forwards to the first damaged page, backwards from the end to the last one, and what lies
 * between, one by one, as far as the index knows of it.
 */
function* rowsOf(
  database: Database,
  table: Table,
): Generator<{ readonly row: Row } | { readonly unreadable: Damage } | Error> {
  const scan = (condition: string, direction: string) =>
    `SELECT rowid AS row_id, * FROM ${table} NOT INDEXED WHERE ${condition} ORDER BY rowid ${direction}`;
  let last = -(2n ** 63n);
  const broken = yield* readable(database.sql(scan("rowid > ?", "ASC")).iterate(last), (id) => {
    last = id;
  });
  if (broken === undefined) return;
  yield broken;
  const seen = new Set<bigint>();
  yield* readable(database.sql(scan("rowid > ?", "DESC")).iterate(last), (id) => seen.add(id));
  yield* betweenDamagedPages(database, table, last, seen);
}

function* readable(
  rows: Iterable<unknown>,
  onRow: (id: bigint) => void,
): Generator<{ readonly row: Row }, Error | undefined> {
  try {
    for (const row of rows as Iterable<Row>) {
      yield { row };
      onRow(row.row_id as bigint);
    }
  } catch (error) {
    if (asStoreError(error).kind !== "CORRUPT") throw error;
    return error as Error;
  }
  return undefined;
}

/** The columns of the tables' own indices that name a row. */
const keys: Partial<Record<Table, string>> = {
  sessions: "id",
  heads: "session",
  snapshots: "session, step",
  progress: "session, first_sequence",
  answers: "request_id",
  sweeps: "id",
  sweep_runs: "sweep, run",
};

function* betweenDamagedPages(
  database: Database,
  table: Table,
  after: bigint,
  seen: ReadonlySet<bigint>,
): Generator<{ readonly row: Row } | { readonly unreadable: Damage }> {
  const columns = keys[table];
  if (columns === undefined) return;
  let known: Row[] = [];
  try {
    known = database
      .sql(
        `SELECT rowid AS row_id, ${columns} FROM ${table} INDEXED BY sqlite_autoindex_${table}_1 WHERE rowid > ?`,
      )
      .all(after) as Row[];
  } catch (error) {
    if (asStoreError(error).kind !== "CORRUPT") throw error;
  }
  for (const key of known) {
    if (seen.has(key.row_id as bigint)) continue;
    let row: Row | undefined;
    try {
      row = database
        .sql(`SELECT rowid AS row_id, * FROM ${table} NOT INDEXED WHERE rowid = ?`)
        .get(key.row_id!) as Row | undefined;
    } catch (error) {
      if (asStoreError(error).kind !== "CORRUPT") throw error;
    }
    if (row !== undefined) yield { row };
    // An empty digest doesn't match: this names the row as a damaged one of its table is named.
    else
      yield {
        unreadable: { ...damageOf(table, { ...key, digest: null })!, what: "it lies on a damaged page" },
      };
  }
}
