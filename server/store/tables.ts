import { hash } from "node:crypto";
import { StoreError } from "./store-error.ts";

/** What SQLite gives back; integers as bigint, since a damaged one may be larger than a number holds. */
export type Value = null | number | bigint | string | Uint8Array;
export type Row = Record<string, Value>;

const stateColumns = [
  "session",
  "step",
  "create_time_ms",
  "kind",
  "pinned",
  "meta",
  "tensors",
  "bytes",
  "sha256",
  "train_sha256",
  "content",
] as const;

/** The columns of each table in their order, without `digest`, which every table has last and which is of all the others. */
export const tables = {
  sessions: [
    "id",
    "ordinal",
    "create_time_ms",
    "epoch",
    "parent_session",
    "parent_step",
    "state",
    "step",
    "spec",
    "body",
  ],
  heads: stateColumns,
  snapshots: stateColumns,
  progress: ["session", "first_sequence", "count", "data"],
  answers: ["request_id", "fingerprint", "method", "response", "expire_time_ms"],
  events: ["session", "step", "time_ms", "kind", "body"],
  sweeps: ["id", "ordinal", "create_time_ms", "state", "body"],
  sweep_runs: ["sweep", "run", "sequence", "outcome", "steps", "finish_time_ms", "body", "curve"],
} as const satisfies Record<string, readonly string[]>;

export type Table = keyof typeof tables;

/** A row of `table` as SQLite takes it, with its digest last. */
export function sealed(table: Table, row: Row): Value[] {
  for (const column of tables[table]) {
    const value = row[column];
    // SQLite would store another string than the digest is of.
    if (typeof value === "string" && !value.isWellFormed()) {
      throw new StoreError("INVALID", `${column} is no Unicode text: ${JSON.stringify(value)}`);
    }
  }
  return [...tables[table].map((column) => row[column]!), digest(table, row)];
}

/** Whether every value of a row is the one that was written. */
export function intact(table: Table, row: Row): boolean {
  return row.digest === digest(table, row);
}

/** SHA-256 of the table's name and the row's values, each with its type and length, so that no two rows are written alike. */
function digest(table: Table, row: Row): string {
  const parts: string[] = [table];
  for (const column of tables[table]) {
    const value = row[column]!;
    if (value === null) parts.push("null");
    else if (typeof value === "string") parts.push(`text ${value.length} ${value}`);
    else if (value instanceof Uint8Array) parts.push(`blob ${hash("sha256", value, "hex")}`);
    else parts.push(`integer ${value}`);
  }
  return hash("sha256", parts.join("\n"), "hex");
}

/** Takes the values of `sealed`. */
export function insertInto(table: Table): string {
  const columns = tables[table];
  return `INSERT INTO ${table} (${columns.join(", ")}, digest) VALUES (${"?, ".repeat(columns.length)}?)`;
}

/** JSON text; undefined is null. */
export function encode(value: unknown): string {
  return JSON.stringify(value ?? null);
}

export function decode(text: Value | undefined): unknown {
  return JSON.parse(text as string);
}
