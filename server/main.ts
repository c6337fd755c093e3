import { keepCompiledCode } from "./compile-cache.ts";
import { parseConfig } from "./config.ts";
import { maintain } from "./maintenance.ts";
import type { RunningServer } from "./server.ts";
import { version } from "./version.ts";

if (await maintain(process.argv.slice(2))) process.exit();

const config = parseConfig(process.argv.slice(2), version);

// Help, and what is wrong with a flag, need not wait until all of the server is loaded.
keepCompiledCode();
const { startServer } = await import("./server.ts");
let server: RunningServer;
try {
  server = await startServer(config);
} catch (error) {
  console.error(`grokbox: ${error instanceof Error ? error.message : error}`);
  process.exit(1);
}

/** A terminal's Ctrl-C can arrive twice: npm forwards what the terminal has sent already. */
const sameSignalMs = 500;

let stoppingSince: number | undefined;
// Before it says that it is ready: whoever waits for that may end it at once.
for (const signal of ["SIGINT", "SIGTERM"] as const) {
  process.on(signal, async () => {
    if (stoppingSince !== undefined) {
      if (performance.now() - stoppingSince > sameSignalMs) process.exit(1);
      return;
    }
    stoppingSince = performance.now();
    const isWhole = await server.close();
    // Else the log has what could not be stored.
    process.exit(isWhole ? 0 : 1);
  });
}

const { offered, absent } = server.engines;
const engineLines = [
  ...offered.flatMap(({ engine, fallbackReason }) => [
    `${engine.name} ${engine.variant}, ${engine.device}`,
    ...(fallbackReason === "" ? [] : [`(${fallbackReason})`]),
  ]),
  ...absent.map(({ name, reason }) => `(no ${name}: ${reason})`),
];
console.log(`grokbox ${version} is ready on ${server.address}

  Watch, start and compare sessions in a browser: http://${server.webAddress}/

  engine   ${engineLines.join("\n           ")}
  runtime  Node ${process.version}
  data     ${config.data ?? "in memory only: gone when the server ends"}
  metrics  http://${server.webAddress}/metrics

Or from another terminal:

  npx node clients/examples/first-script.ts    train, watch, look at the spectrum
  npx grokbox start --preset grokking          the same from the command line; npx grokbox --help
  npm run paper -- --run standard              the paper's run, beside its numbers

Ctrl-C finishes the work under way and stops.`);
