import { PassThrough } from "node:stream";
import { text } from "node:stream/consumers";
import { paper } from "../../clients/paper/main.ts";
import { startServer } from "../../server/server.ts";

/** `npm run paper -- ...argv` in this process, with a server of its own. */
export async function runPaper(...argv: readonly string[]) {
  const [stdout, stderr] = [new PassThrough(), new PassThrough()];
  const printed = Promise.all([text(stdout), text(stderr)]);
  let code: number;
  try {
    code = await paper({
      argv,
      stdout,
      stderr,
      signal: new AbortController().signal,
      startServer: ({ cpuVariant }) =>
        startServer({ port: 0, logLevel: "silent", engines: ["cpu"], cpuVariant }),
    });
  } finally {
    stdout.end();
    stderr.end();
  }
  const [out, err] = await printed;
  return { code, out, err };
}
