import type { Database } from "./database.ts";
import type { Commit, CommitResult, ProgressRow, StateInput } from "./rows.ts";
import {
  answerToRow,
  eventToRow,
  progressToRow,
  sessionToRow,
  sweepRunToRow,
  sweepToRow,
} from "./small-rows.ts";
import { asStoreError } from "./sqlite-error.ts";
import { fromHex, putArrays, putState } from "./states.ts";
import { StoreError } from "./store-error.ts";
import { encode, insertInto, intact, type Row, sealed, tables } from "./tables.ts";

/** Does what `unit` says, in the order that `Commit` states, within the caller's transaction. */
export function applyCommit(database: Database, unit: Commit): CommitResult {
  const sql = (text: string) => database.sql(text);
  const sha256: Uint8Array[] = [];

  for (const session of unit.deleteSessions ?? []) sql("DELETE FROM sessions WHERE id = ?").run(session);
  for (const { session, step } of unit.deleteSnapshots ?? []) deleteSnapshot(database, session, step);
  for (const { session, afterSequence } of unit.truncateProgress ?? []) {
    truncateProgress(database, session, afterSequence);
  }

  for (const row of unit.putSessions ?? []) put(database, "sessions", "id", sessionToRow(row));
  for (const input of unit.putHeads ?? []) {
    deleteHead(database, input.session);
    const row = putArrays(database, input);
    putState(database, "heads", row);
    sha256.push(fromHex(row.sha256));
  }
  for (const input of unit.putSnapshots ?? []) {
    // The former go first, so that the new take their pages.
    if (input.replace) deleteSnapshot(database, input.session, input.step);
    if (input.head) deleteHead(database, input.session);
    const row = putArrays(database, input);
    putState(database, "snapshots", row);
    if (input.head) putState(database, "heads", row);
    sha256.push(fromHex(row.sha256));
  }
  for (const update of unit.updateSnapshots ?? []) updateSnapshot(database, update);

  for (const row of unit.appendProgress ?? []) appendProgress(database, row);
  for (const { session, beforeSequence } of unit.trimProgress ?? []) {
    sql("DELETE FROM progress WHERE session = ? AND first_sequence + count <= ?").run(
      session,
      beforeSequence,
    );
  }

  for (const answer of unit.putAnswers ?? []) {
    // Not an update: the order of the rows is that of their writing, so that the oldest can go first.
    sql("DELETE FROM answers WHERE request_id = ?").run(answer.requestId);
    insert(database, "answers", answerToRow(answer));
  }
  for (const event of unit.putEvents ?? []) insert(database, "events", eventToRow(event));
  for (const sweep of unit.deleteSweeps ?? []) sql("DELETE FROM sweeps WHERE id = ?").run(sweep);
  for (const { sweep, end } of unit.deleteSweepRuns ?? []) {
    sql("DELETE FROM sweep_runs WHERE sweep = ? AND run < ?").run(sweep, end);
  }
  for (const sweep of unit.putSweeps ?? []) put(database, "sweeps", "id", sweepToRow(sweep));
  for (const run of unit.putSweepRuns ?? []) put(database, "sweep_runs", "sweep, run", sweepRunToRow(run));
  return { sha256 };
}

function insert(database: Database, table: keyof typeof tables, row: Row): void {
  database.sql(insertInto(table)).run(...sealed(table, row));
}

/** An update where there is one of this key: to delete it first would take along what refers to it. */
function put(database: Database, table: keyof typeof tables, key: string, row: Row): void {
  const assignments = [...tables[table], "digest"].map((column) => `${column} = excluded.${column}`);
  try {
    database
      .sql(`${insertInto(table)} ON CONFLICT (${key}) DO UPDATE SET ${assignments.join(", ")}`)
      .run(...sealed(table, row));
  } catch (error) {
    const { kind } = asStoreError(error);
    if (kind !== "MISSING") throw error;
    throw new StoreError(kind, `sweep ${row.sweep} doesn't exist`, { cause: error });
  }
}

function deleteHead(database: Database, session: string): void {
  database.sql("DELETE FROM heads WHERE session = ?").run(session);
}

function deleteSnapshot(database: Database, session: string, step: number): void {
  database.sql("DELETE FROM snapshots WHERE session = ? AND step = ?").run(session, step);
}

type SnapshotUpdate = Pick<StateInput, "session" | "step"> &
  Partial<Pick<StateInput, "kind" | "pinned" | "meta">>;

function updateSnapshot(database: Database, update: SnapshotUpdate): void {
  const { session, step, kind, pinned, meta } = update;
  const found = database.sql("SELECT * FROM snapshots WHERE session = ? AND step = ?").get(session, step) as
    | Row
    | undefined;
  if (found === undefined) {
    throw new StoreError("MISSING", `session ${session} has no snapshot of step ${step}`, { session, step });
  }
  // To seal it anew would hide the damage.
  if (!intact("snapshots", found)) {
    throw new StoreError("CORRUPT", `snapshot ${step} of session ${session}: its meta data are damaged`, {
      session,
      step,
    });
  }
  const row: Row = {
    ...found,
    kind: kind ?? found.kind!,
    pinned: pinned === undefined ? found.pinned! : pinned ? 1 : 0,
    meta: meta === undefined ? found.meta! : encode(meta),
  };
  const digest = sealed("snapshots", row).at(-1)!;
  database
    .sql("UPDATE snapshots SET kind = ?, pinned = ?, meta = ?, digest = ? WHERE session = ? AND step = ?")
    .run(row.kind!, row.pinned!, row.meta!, digest, session, step);
}

function appendProgress(database: Database, row: ProgressRow & { readonly session: string }): void {
  const { session, firstSequence, count } = row;
  const last = database
    .sql(
      "SELECT first_sequence + count AS next FROM progress WHERE session = ? ORDER BY first_sequence DESC LIMIT 1",
    )
    .get(session) as { next: bigint } | undefined;
  if (count < 1 || (last !== undefined && firstSequence < last.next)) {
    throw new StoreError(
      "INVALID",
      `${count} points from sequence ${firstSequence} were to be appended to session ${session}, whose next is ${last?.next ?? "any"}`,
      { session },
    );
  }
  try {
    insert(database, "progress", progressToRow(row));
  } catch (error) {
    const { kind } = asStoreError(error);
    if (kind !== "MISSING") throw error;
    throw new StoreError(kind, `session ${session} doesn't exist`, { session, cause: error });
  }
}

/** Removes the rows after `afterSequence`, and cuts the one that reaches beyond it. */
function truncateProgress(database: Database, session: string, afterSequence: number): void {
  const cut = database
    .sql(
      "SELECT * FROM (SELECT * FROM progress WHERE session = ? AND first_sequence <= ? ORDER BY first_sequence DESC LIMIT 1) WHERE first_sequence + count > ?",
    )
    .get(session, afterSequence, afterSequence + 1) as Row | undefined;
  database.sql("DELETE FROM progress WHERE session = ? AND first_sequence > ?").run(session, afterSequence);
  if (cut === undefined) return;
  if (!intact("progress", cut)) {
    throw new StoreError(
      "CORRUPT",
      `the progress of session ${session} is damaged at ${cut.first_sequence}`,
      {
        session,
      },
    );
  }
  const data = cut.data as Uint8Array;
  const pointBytes = data.byteLength / Number(cut.count);
  const count = afterSequence - Number(cut.first_sequence) + 1;
  if (!Number.isInteger(pointBytes)) {
    throw new StoreError(
      "INVALID",
      `${data.byteLength} bytes of ${cut.count} points of session ${session} can't be cut`,
      { session },
    );
  }
  database
    .sql("DELETE FROM progress WHERE session = ? AND first_sequence = ?")
    .run(session, cut.first_sequence!);
  insert(database, "progress", { ...cut, count, data: data.slice(0, count * pointBytes) });
}
