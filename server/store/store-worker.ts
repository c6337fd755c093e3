import { join } from "node:path";
import { type MessagePort, parentPort, receiveMessageOnPort } from "node:worker_threads";
import { copyStore } from "./copy-store.ts";
import { type Database, openDatabase, storeFile } from "./database.ts";
import { commitTogether } from "./group-commit.ts";
import { Housekeeping } from "./housekeeping.ts";
import { LastEnd } from "./last-end.ts";
import { Lock } from "./lock.ts";
import type { Calls, PlainError, Reply, Request } from "./protocol.ts";
import { loadRows, readEvents, readProgress, readUsage } from "./reads.ts";
import type { Commit, CommitResult, StateRow } from "./rows.ts";
import { asStoreError } from "./sqlite-error.ts";
import { readState } from "./states.ts";
import { StoreError } from "./store-error.ts";
import { loadSweeps, readSweepRange, readSweepRuns } from "./sweep-reads.ts";

/**
 * The store's thread: one connection, one call after another, in the order in which they came. Commits that wait one behind the
 * other are written together. An error that is none of a call's own is a defect, and ends the thread.
 */

/** A group that has grown to so much is written before more is taken in. */
const groupBytes = 64 << 20;

const port = parentPort as MessagePort;
const queue: Request[] = [];

let lock: Lock | undefined;
let database: Database;
let lastEnd: LastEnd;
let housekeeping: Housekeeping;
let more: NodeJS.Immediate | undefined;

const calls: Omit<Calls, "commit" | "backup"> = {
  open({ directory, holder, maxEphemeralBytes }) {
    lock = directory === undefined ? undefined : new Lock(directory, holder);
    try {
      database = openDatabase(directory === undefined ? ":memory:" : join(directory, storeFile));
    } catch (error) {
      lock?.release();
      throw error;
    }
    if (directory === undefined) {
      const pages = Math.floor(maxEphemeralBytes / database.pragma("page_size"));
      database.db.exec(`PRAGMA max_page_count = ${pages}`);
    }
    lastEnd = new LastEnd(database);
    housekeeping = new Housekeeping(database);
    return directory === undefined ? undefined : database.path;
  },
  load: () => ({ ...loadRows(database, Date.now()), lastEnd: lastEnd.atOpening }),
  readHead: (session) => readState(database, "heads", session),
  readSnapshot: (session, step) => readState(database, "snapshots", session, step),
  readProgress: (session) => readProgress(database, session),
  readEvents: (session) => readEvents(database, session),
  loadSweeps: () => loadSweeps(database),
  readSweepRuns: (sweep, sequence, limit) => readSweepRuns(database, sweep, sequence, limit),
  readSweepRange: (sweep, first, end) => readSweepRange(database, sweep, first, end),
  usage: () => readUsage(database),
  close(isWhole) {
    try {
      database.transaction(() => lastEnd.close(isWhole));
      database.db.exec("PRAGMA wal_checkpoint(TRUNCATE)");
    } catch {
      // The disk is full, say: everything that was committed is in the WAL, and the next opening counts as one after a crash.
    } finally {
      database.close();
      lock?.release();
    }
  },
};

port.on("message", (request: Request) => {
  queue.push(request);
  takeWaiting();
  while (queue.length > 0) {
    if (queue[0]!.call === "commit") commitGroup();
    else answer(queue.shift()!);
    takeWaiting();
  }
});

function takeWaiting(): void {
  for (
    let waiting = receiveMessageOnPort(port);
    waiting !== undefined;
    waiting = receiveMessageOnPort(port)
  ) {
    queue.push(waiting.message as Request);
  }
}

function commitGroup(): void {
  const group: Request[] = [];
  const units: Commit[] = [];
  let bytes = 0;
  while (queue[0]?.call === "commit" && bytes < groupBytes) {
    const request = queue.shift()!;
    const [unit] = request.args as Parameters<Calls["commit"]>;
    group.push(request);
    units.push(unit);
    bytes += stateBytes(unit);
    housekeeping.note(unit);
  }
  const outcomes = commitTogether(database, lastEnd, units);
  for (const [i, outcome] of outcomes.entries()) {
    const { id } = group[i]!;
    if (outcome instanceof StoreError) reply({ id, error: plain(outcome) });
    else reply({ id, result: outcome satisfies CommitResult });
  }
  for (const unit of units) letGo(unit);
  keepHouse();
}

/** Frees the arrays at once: the garbage collector sees little of them, and might let gigabytes come together. */
function letGo({ putHeads = [], putSnapshots = [] }: Commit): void {
  for (const { arrays } of [...putHeads, ...putSnapshots]) {
    for (const { data } of arrays) {
      const { buffer } = data;
      if (buffer instanceof ArrayBuffer && !buffer.detached) buffer.transfer(0);
    }
  }
}

/** Goes on by itself as long as there is something to do, and in between other calls. */
function keepHouse(): void {
  if (!database.db.isOpen || !housekeeping.run(Date.now()) || more !== undefined) return;
  more = setImmediate(() => {
    more = undefined;
    keepHouse();
  });
}

function stateBytes({ putHeads = [], putSnapshots = [] }: Commit): number {
  let bytes = 0;
  for (const { arrays } of [...putHeads, ...putSnapshots]) {
    for (const { data } of arrays) bytes += data.byteLength;
  }
  return bytes;
}

function answer({ id, call, args }: Request): void {
  // A call that doesn't exist is a defect, and none of the errors below.
  const work = (call === "backup" ? backup : calls[call as keyof typeof calls]) as (
    ...args: readonly unknown[]
  ) => unknown;
  if (work === undefined) throw new TypeError(`there is no call ${call}`);
  try {
    const result = call === "backup" ? work(id, ...args) : work(...args);
    reply({ id, result }, call === "readHead" || call === "readSnapshot" ? buffers(result as StateRow) : []);
  } catch (error) {
    reply({ id, error: plain(asStoreError(error, {}, "IO")) });
  }
}

function backup(id: number, to: string, stop: Int32Array<SharedArrayBuffer>): void {
  copyStore(database, to, {
    onDamage: "fail",
    onProgress: (progress) => reply({ id, progress }),
    stopped: () => Atomics.load(stop, 0) !== 0,
  });
}

function buffers({ arrays, train }: StateRow): ArrayBuffer[] {
  return [...new Set([...arrays.map(({ data }) => data), train].map(({ buffer }) => buffer as ArrayBuffer))];
}

function reply(message: Reply, transfer: ArrayBuffer[] = []): void {
  port.postMessage(message, transfer);
}

function plain({ kind, message, session, step }: StoreError): PlainError {
  return { kind, message, session, step };
}
