import { Worker } from "node:worker_threads";
import type { BackupOptions, Reply } from "./protocol.ts";
import { StoreError } from "./store-error.ts";

/** Copies the store file `from` to the new file `to`, in a thread that lives as long as that takes. */
export function backupFile(options: BackupOptions, onProgress: (share: number) => void): Promise<void> {
  const worker = new Worker(new URL("./backup-worker.ts", import.meta.url), { workerData: options });
  return new Promise((resolve, reject) => {
    worker.on("message", (reply: Reply) => {
      if ("progress" in reply) onProgress(reply.progress);
      else if ("error" in reply) reject(new StoreError(reply.error.kind, reply.error.message, reply.error));
      else resolve();
    });
    const lost = (cause?: Error) =>
      reject(new StoreError("CLOSED", "the thread of the backup ended", { cause }));
    worker.on("error", lost);
    worker.on("exit", () => lost());
  });
}
