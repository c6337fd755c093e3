import { isMainThread } from "node:worker_threads";

/** Imported by a process first, ends it when its standard input does: when its parent is gone, however it went. */
if (isMainThread) {
  process.stdin.on("end", () => process.kill(process.pid, "SIGTERM")).resume();
}
