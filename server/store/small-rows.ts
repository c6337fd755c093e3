import type { AnswerRow, EventRow, ProgressRow, SessionRow, SweepRow, SweepRunRow } from "./rows.ts";
import { decode, encode, type Row } from "./tables.ts";

/** The rows of the tables without arrays, as they are stored and, when intact, read. */

export function sessionToRow({ parent, spec, body, ...session }: SessionRow): Row {
  return {
    id: session.id,
    ordinal: session.ordinal,
    create_time_ms: session.createTimeMs,
    epoch: session.epoch,
    parent_session: parent?.session ?? null,
    parent_step: parent?.step ?? null,
    state: session.state,
    step: session.step,
    spec: encode(spec),
    body: encode(body),
  };
}

export function sessionFromRow(row: Row): SessionRow {
  return {
    id: row.id as string,
    ordinal: Number(row.ordinal),
    createTimeMs: Number(row.create_time_ms),
    epoch: row.epoch as string,
    parent:
      row.parent_session === null
        ? null
        : { session: row.parent_session as string, step: Number(row.parent_step) },
    state: row.state as string,
    step: Number(row.step),
    spec: decode(row.spec),
    body: decode(row.body),
  };
}

export function progressToRow({
  session,
  firstSequence,
  count,
  data,
}: ProgressRow & { readonly session: string }): Row {
  return { session, first_sequence: firstSequence, count, data };
}

export function progressFromRow(row: Row): ProgressRow {
  return {
    firstSequence: Number(row.first_sequence),
    count: Number(row.count),
    data: row.data as Uint8Array,
  };
}

export function answerToRow({ requestId, fingerprint, method, response, expireTimeMs }: AnswerRow): Row {
  return { request_id: requestId, fingerprint, method, response, expire_time_ms: expireTimeMs };
}

export function answerFromRow(row: Row): AnswerRow {
  return {
    requestId: row.request_id as string,
    fingerprint: row.fingerprint as string,
    method: row.method as string,
    response: row.response as Uint8Array,
    expireTimeMs: Number(row.expire_time_ms),
  };
}

export function eventToRow({ session, step, timeMs, kind, body }: EventRow): Row {
  return { session, step, time_ms: timeMs, kind, body: encode(body) };
}

export function eventFromRow(row: Row): EventRow {
  return {
    session: row.session as string,
    step: Number(row.step),
    timeMs: Number(row.time_ms),
    kind: row.kind as string,
    body: decode(row.body),
  };
}

export function sweepToRow({ id, ordinal, createTimeMs, state, body }: SweepRow): Row {
  return { id, ordinal, create_time_ms: createTimeMs, state, body: encode(body) };
}

export function sweepFromRow(row: Row): SweepRow {
  return {
    id: row.id as string,
    ordinal: Number(row.ordinal),
    createTimeMs: Number(row.create_time_ms),
    state: row.state as string,
    body: decode(row.body),
  };
}

export function sweepRunToRow(run: SweepRunRow): Row {
  const { sweep, sequence, outcome, steps, curve } = run;
  const body = encode(run.body);
  return { sweep, run: run.run, sequence, outcome, steps, finish_time_ms: run.finishTimeMs, body, curve };
}

export function sweepRunFromRow(row: Row): SweepRunRow {
  return {
    sweep: row.sweep as string,
    run: Number(row.run),
    sequence: Number(row.sequence),
    outcome: row.outcome as string,
    steps: Number(row.steps),
    finishTimeMs: Number(row.finish_time_ms),
    body: decode(row.body),
    curve: row.curve as Uint8Array,
  };
}
