/** `npm run paper`: a server in this process, and the client that drives it over real gRPC. */

import { paper } from "../clients/paper/main.ts";
import { startServer } from "../server/server.ts";

const interrupted = new AbortController();
process.once("SIGINT", () => interrupted.abort());

try {
  process.exitCode = await paper({
    argv: process.argv.slice(2),
    stdout: process.stdout,
    stderr: process.stderr,
    signal: interrupted.signal,
    startServer: ({ cpuVariant }) =>
      startServer({ host: "127.0.0.1", port: 0, logLevel: "warn", engines: ["cpu"], cpuVariant }),
  });
} catch (error) {
  if (interrupted.signal.aborted) process.exitCode = 130;
  else {
    process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`);
    process.exitCode = 1;
  }
}
