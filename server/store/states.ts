import { createHash, hash } from "node:crypto";
import type { Database } from "./database.ts";
import type { SnapshotRow, StateInput, StateRow, StoredArray } from "./rows.ts";
import { asStoreError } from "./sqlite-error.ts";
import { StoreError } from "./store-error.ts";
import { decode, encode, insertInto, intact, type Row, sealed, type Value } from "./tables.ts";

export type StateTable = "heads" | "snapshots";

/** Stores a state's arrays and returns its row, for heads, snapshots, or both. */
export function putArrays(database: Database, input: StateInput): Row {
  const { session, step, createTimeMs, kind, pinned, meta, arrays, train } = input;
  const content = newContent(database);
  const insert = database.sql("INSERT INTO arrays (content, position, data) VALUES (?, ?, ?)");
  insert.run(content, 0, train);
  const sha256 = createHash("sha256");
  for (const [i, { name, shape, data }] of arrays.entries()) {
    if (shape.reduce((size, n) => size * n, 1) !== data.length) {
      throw new StoreError("INVALID", `${name} has ${data.length} values, its shape is [${shape}]`, {
        session,
        step,
      });
    }
    const bytes = bytesOf(data);
    sha256.update(bytes);
    insert.run(content, i + 1, bytes);
  }
  return {
    session,
    step,
    create_time_ms: createTimeMs,
    kind,
    pinned: pinned ? 1 : 0,
    meta: encode(meta),
    tensors: encode(arrays.map(({ name, shape }) => ({ name, shape }))),
    bytes: arrays.reduce((sum, { data }) => sum + data.byteLength, 0),
    sha256: sha256.digest("hex"),
    train_sha256: hash("sha256", train, "hex"),
    content,
  };
}

export function putState(database: Database, table: StateTable, row: Row): void {
  try {
    database.sql(insertInto(table)).run(...sealed(table, row));
  } catch (error) {
    const { session, step } = row as { session: string; step: number };
    const { kind } = asStoreError(error);
    const at = { session, step, cause: error };
    if (kind === "EXISTS") {
      throw new StoreError(kind, `session ${session} already has a snapshot of step ${step}`, at);
    }
    if (kind === "MISSING") throw new StoreError(kind, `session ${session} doesn't exist`, at);
    throw error;
  }
}

/** Greater than any in use, also by rows whose arrays are lost. */
function newContent(database: Database): bigint {
  const { newest } = database
    .sql(
      `SELECT max(
        (SELECT coalesce(max(content), 0) FROM arrays),
        (SELECT coalesce(max(content), 0) FROM heads),
        (SELECT coalesce(max(content), 0) FROM snapshots)
      ) AS newest`,
    )
    .get() as { newest: bigint };
  return newest + 1n;
}

/** @throws StoreError MISSING, CORRUPT */
export function readState(database: Database, table: StateTable, session: string, step?: number): StateRow {
  const what =
    step === undefined ? `the state of session ${session}` : `snapshot ${step} of session ${session}`;
  try {
    const found = (
      step === undefined
        ? database.sql("SELECT * FROM heads WHERE session = ?").get(session)
        : database.sql("SELECT * FROM snapshots WHERE session = ? AND step = ?").get(session, step)
    ) as Row | undefined;
    if (found === undefined) throw new StoreError("MISSING", `there is no ${what}`, { session, step });
    const damage = damageOfRow(table, found);
    if (damage !== undefined) throw new StoreError("CORRUPT", `${what}: ${damage}`, { session, step });
    const at = { session, step: Number(found.step) };
    const blobs: Uint8Array[] = [];
    const damaged = damageOfArrays(database, found, (_position, data) => blobs.push(data));
    if (damaged !== undefined) throw new StoreError("CORRUPT", `${what}: ${damaged}`, at);
    const summary = describeState(found);
    const arrays = summary.tensors.map(({ name, shape }, i): StoredArray => {
      const { buffer, byteOffset, byteLength } = blobs[i + 1]!;
      return { name, shape, data: new Float32Array(buffer as ArrayBuffer, byteOffset, byteLength / 4) };
    });
    return { ...summary, arrays, train: blobs[0]! };
  } catch (error) {
    const { kind, message } = asStoreError(error);
    if (kind !== "CORRUPT" || error instanceof StoreError) throw error;
    throw new StoreError(kind, `${what}: ${message}`, { session, step, cause: error });
  }
}

/** What is wrong with a row of heads or snapshots, its arrays aside. */
export function damageOfRow(table: StateTable, row: Row): string | undefined {
  return intact(table, row) ? undefined : "its meta data are damaged";
}

/**
 * What is wrong with the arrays of an intact row. Reads them one at a time.
 *
 * @param onArray - gets each as it was read, before it is known to be intact
 */
export function damageOfArrays(
  database: Database,
  row: Row,
  onArray: (position: number, data: Uint8Array) => void = () => {},
): string | undefined {
  const { tensors, bytes } = describeState(row);
  const select = database.sql("SELECT data FROM arrays WHERE content = ? AND position = ?");
  const sha256 = createHash("sha256");
  let total = 0;
  for (let position = 0; position <= tensors.length; position += 1) {
    const name = position === 0 ? "train mask" : tensors[position - 1]!.name;
    const data = select.get(row.content as bigint, position)?.data;
    if (!(data instanceof Uint8Array)) return `its ${name} is missing`;
    if (position === 0) {
      if (hash("sha256", data, "hex") !== row.train_sha256) {
        return "its train mask is damaged: the SHA-256 is another";
      }
    } else {
      sha256.update(data);
      total += data.byteLength;
    }
    onArray(position, data);
  }
  if (total !== bytes || sha256.digest("hex") !== row.sha256) {
    return `its arrays (${tensors.map(({ name }) => name).join(", ")}) are damaged: the SHA-256 is another`;
  }
  return undefined;
}

/** Of an intact row. `parse` gives the list of tensors for its text. */
export function describeState(row: Row, parse: (text: string) => unknown = decode): SnapshotRow {
  return {
    session: row.session as string,
    step: Number(row.step),
    createTimeMs: Number(row.create_time_ms),
    kind: row.kind as string,
    pinned: Boolean(row.pinned),
    bytes: Number(row.bytes),
    sha256: fromHex(row.sha256),
    meta: decode(row.meta),
    tensors: parse(row.tensors as string) as SnapshotRow["tensors"],
  };
}

export function fromHex(text: Value | undefined): Uint8Array {
  return new Uint8Array(Buffer.from(text as string, "hex"));
}

/** The same memory as bytes; little-endian, as every machine that Node 24 supports. */
function bytesOf(data: Float32Array): Uint8Array {
  return new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
}
