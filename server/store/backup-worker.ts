import { type MessagePort, parentPort, workerData } from "node:worker_threads";
import { copyStore } from "./copy-store.ts";
import { openForReading } from "./database.ts";
import type { BackupOptions, Reply } from "./protocol.ts";
import { asStoreError } from "./sqlite-error.ts";

/**
 * Copies a store beside its own thread, in one read transaction: commits go on, and stay in the WAL meanwhile. Ends when it is done.
 */

const port = parentPort as MessagePort;
const { from, to, stop } = workerData as BackupOptions;
const reply = (message: Reply) => port.postMessage(message);

try {
  const database = openForReading(from);
  try {
    copyStore(database, to, {
      onDamage: "fail",
      onProgress: (progress) => reply({ id: 0, progress }),
      stopped: () => Atomics.load(stop, 0) !== 0,
    });
  } finally {
    database.close();
  }
  reply({ id: 0, result: undefined });
} catch (error) {
  const { kind, message, session, step } = asStoreError(error, {}, "IO");
  reply({ id: 0, error: { kind, message, session, step } });
}
