import { availableParallelism, homedir } from "node:os";
import { isAbsolute, join } from "node:path";
import { Command, InvalidArgumentError, Option } from "commander";

/** How a server is to be. Made once, from flags and `GROKBOX_*` variables; nothing else reads the environment. */
export interface Config {
  /** Address to listen on. */
  readonly host: string;
  /** gRPC port; 0 for a free one. */
  readonly port: number;
  /** Web port (metrics, health); 0 for a free one. */
  readonly webPort: number;
  /** Origins whose pages may call this server, besides its own: when it is reached by another name, as through a proxy. */
  readonly webOrigins: readonly string[];
  /** Serve other machines although there are no tokens and no TLS yet. */
  readonly insecure: boolean;
  /** Engines to offer, the preferred one first; auto for those that work here. */
  readonly engines: "auto" | readonly EngineName[];
  /** Take software adapters for GPUs too. */
  readonly allowSoftware: boolean;
  /** Of a GPU's memory, bytes that sessions may take; undefined for what the engine finds. */
  readonly gpuMemoryBytes: number | undefined;
  /** Build of the CPU engine; undefined for the best that works here. */
  readonly cpuVariant: "addon" | "wasm" | undefined;
  /** Threads of the CPU engine. */
  readonly threads: number;
  readonly logLevel: LogLevel;
  readonly maxSessions: number;
  readonly maxQueuedCommands: number;
  readonly maxSnapshotsPerSession: number;
  readonly retainedProgressPoints: number;
  readonly maxStateBytes: number;
  /** Finished ones among them. */
  readonly maxSweeps: number;
  readonly maxSweepRuns: number;
  /** Folder of the store; undefined keeps everything in memory. */
  readonly data: string | undefined;
  /** Milliseconds between checkpoints of a session that trains. */
  readonly checkpointEveryMs: number;
  /** Go on with runs that the end of the last server interrupted. */
  readonly resumeRuns: boolean;
}

const logLevels = ["trace", "debug", "info", "warn", "error", "silent"] as const;
export type LogLevel = (typeof logLevels)[number];

/** All that there could be. */
export const engineNames = ["webgpu", "tensorflow", "cpu"] as const;
export type EngineName = (typeof engineNames)[number];

export const defaultPort = 50_051;
export const defaultWebPort = 8_080;

/** A configuration with the given values and the defaults for the rest. */
export function configure(values: Partial<Config> = {}): Config {
  const config: Config = {
    port: defaultPort,
    // Who wants a free port wants no fixed one beside it.
    webPort: values.port === 0 ? 0 : defaultWebPort,
    webOrigins: [],
    insecure: false,
    engines: "auto",
    allowSoftware: false,
    gpuMemoryBytes: undefined,
    cpuVariant: undefined,
    threads: availableParallelism(),
    logLevel: "info",
    maxSessions: 1_000,
    maxQueuedCommands: 256,
    maxSnapshotsPerSession: 1_000,
    retainedProgressPoints: 100_000,
    maxStateBytes: 4 * 2 ** 30,
    maxSweeps: 1_000,
    maxSweepRuns: 100_000,
    data: undefined,
    checkpointEveryMs: 5_000,
    resumeRuns: true,
    ...values,
    // Addresses of IPv6 are in brackets where a port follows, as the server prints them.
    host: (values.host ?? "127.0.0.1").replace(/^\[(.*:.*)\]$/, "$1"),
  };
  if (!config.insecure && !isLoopback(config.host)) {
    throw new RangeError(
      `--host ${config.host} is not a loopback address: users and TLS are not there yet, so serving other machines needs --insecure`,
    );
  }
  return Object.freeze(config);
}

/** Reads flags and `GROKBOX_*` variables; flags win. Prints help and exits when asked to, or when they are wrong. */
export function parseConfig(argv: readonly string[], version: string): Config {
  const program = new Command("grokbox-server")
    .description("The grokbox training server: gRPC on --port, ready when it says so.")
    .version(version)
    .configureOutput({ outputError: (text, write) => write(text.replace(/^error: /, "grokbox: ")) })
    .exitOverride(({ exitCode }) => process.exit(exitCode === 0 ? 0 : 2))
    .addOption(flag("--host <address>", "address to listen on", "HOST").default("127.0.0.1"))
    .addOption(
      flag("--port <number>", "gRPC port, 0 for a free one", "PORT")
        .default(defaultPort)
        .argParser(integer(0, 65_535)),
    )
    .addOption(
      flag(
        "--web-port <number>",
        `web port for the dashboard, metrics and health, 0 for a free one; left out: ${defaultWebPort}, or a free one when --port is 0`,
        "WEB_PORT",
      ).argParser(integer(0, 65_535)),
    )
    .addOption(
      flag(
        "--web-origin <origin...>",
        "origin whose pages may use the web port, such as https://box.lab.example, when it is reached by another name than its own",
        "WEB_ORIGIN",
      )
        .default([], "none")
        .argParser(origin),
    )
    .addOption(
      new Option("--insecure", "serve other machines without users and TLS (env: GROKBOX_INSECURE=1)"),
    )
    .addOption(
      flag(
        "--engine <names>",
        `engines to offer, the preferred one first, with commas between them: ${engineNames.join(", ")}; auto for those that work here`,
        "ENGINE",
      )
        .default("auto")
        .argParser(engineList),
    )
    .addOption(
      new Option("--allow-software", "take software adapters for GPUs too (env: GROKBOX_ALLOW_SOFTWARE=1)"),
    )
    .addOption(
      flag(
        "--gpu-memory <bytes>",
        "of a GPU's memory for sessions; left out: what the engine finds",
        "GPU_MEMORY",
      ).argParser(integer(2 ** 20, 2 ** 50)),
    )
    .addOption(
      flag("--cpu <variant>", "build of the CPU engine; left out: the best that works", "CPU").choices([
        "addon",
        "wasm",
      ]),
    )
    .addOption(
      flag("--threads <number>", "threads of the CPU engine", "THREADS")
        .default(availableParallelism(), "one a core")
        .argParser(integer(1, 256)),
    )
    .addOption(dataOption())
    .addOption(new Option("--ephemeral", "keep everything in memory only (env: GROKBOX_EPHEMERAL=1)"))
    .addOption(
      flag("--checkpoint-every <seconds>", "between checkpoints of a session that trains", "CHECKPOINT_EVERY")
        .default(5)
        .argParser(seconds(0.05, 86_400)),
    )
    .addOption(
      new Option(
        "--stay-paused",
        "don't go on with the runs that the end of the last server interrupted (env: GROKBOX_STAY_PAUSED=1)",
      ),
    )
    .addOption(flag("--log-level <level>", "what to log", "LOG_LEVEL").choices(logLevels).default("info"))
    .addOption(
      flag("--max-sessions <number>", "sessions at a time", "MAX_SESSIONS")
        .default(1_000)
        .argParser(integer(1, 1e6)),
    )
    .addOption(
      flag("--max-state-mib <number>", "memory for states, snapshots and uploads, MiB", "MAX_STATE_MIB")
        .default(4_096)
        .argParser(integer(1, 1e7)),
    )
    .addOption(
      flag("--max-sweeps <number>", "sweeps at a time, finished ones among them", "MAX_SWEEPS")
        .default(1_000)
        .argParser(integer(1, 1e5)),
    )
    .addOption(
      flag("--max-sweep-runs <number>", "runs of one sweep: its cells with every seed", "MAX_SWEEP_RUNS")
        .default(100_000)
        .argParser(integer(1, 1e6)),
    )
    .parse(argv, { from: "user" });
  const { cpu, engine, allowSoftware, gpuMemory, maxStateMib, webPort, webOrigin, ...rest } = program.opts();
  const { data, ephemeral, checkpointEvery, stayPaused, ...options } = rest;
  try {
    // A flag wins over the environment.
    const named = program.getOptionValueSource("data") === "cli";
    const isEphemeral: boolean = ephemeral ?? (!named && switchedOn("GROKBOX_EPHEMERAL"));
    const insecure = options.insecure ?? switchedOn("GROKBOX_INSECURE");
    return configure({
      ...options,
      insecure,
      ...(webPort === undefined ? {} : { webPort }),
      webOrigins: webOrigin,
      engines: engine,
      allowSoftware: allowSoftware ?? switchedOn("GROKBOX_ALLOW_SOFTWARE"),
      gpuMemoryBytes: gpuMemory,
      cpuVariant: cpu,
      data: isEphemeral ? undefined : data || defaultDataDirectory(),
      checkpointEveryMs: checkpointEvery * 1000,
      resumeRuns: !(stayPaused ?? switchedOn("GROKBOX_STAY_PAUSED")),
      maxStateBytes: maxStateMib * 2 ** 20,
    });
  } catch (error) {
    return program.error(`error: ${error instanceof RangeError ? error.message : error}`, { exitCode: 2 });
  }
}

/** The folder of the store. */
export function dataOption(): Option {
  return flag(
    "--data <folder>",
    `where sessions are kept; left out: ${"$"}XDG_STATE_HOME/grokbox or ~/.local/state/grokbox`,
    "DATA",
  );
}

/** Where this user's state is kept, by the XDG Base Directory Specification. */
export function defaultDataDirectory(): string {
  const state = process.env.XDG_STATE_HOME;
  return join(state !== undefined && isAbsolute(state) ? state : join(homedir(), ".local/state"), "grokbox");
}

/** A switch in the environment: 1 or true; 0, false or nothing. */
function switchedOn(variable: string): boolean {
  const value = process.env[variable] ?? "";
  if (["1", "true"].includes(value)) return true;
  if (["", "0", "false"].includes(value)) return false;
  throw new RangeError(`${variable} must be 1, true, 0 or false; got ${JSON.stringify(value)}`);
}

function flag(flags: string, description: string, variable: string): Option {
  return new Option(flags, description).env(`GROKBOX_${variable}`);
}

function seconds(min: number, max: number): (text: string) => number {
  return (text) => {
    const value = Number(text);
    if (!/^\d+(\.\d+)?$/.test(text) || value < min || value > max) {
      throw new InvalidArgumentError(`It must be a number of seconds, ${min} to ${max}.`);
    }
    return value;
  };
}

function engineList(text: string): "auto" | readonly EngineName[] {
  if (text === "auto") return text;
  const names = text.split(",").map((name) => name.trim());
  const isKnown = (name: string): name is EngineName => engineNames.includes(name as EngineName);
  if (names.every(isKnown) && new Set(names).size === names.length) return names;
  throw new InvalidArgumentError(`It must be auto, or different ones of ${engineNames.join(", ")}.`);
}

/** Adds to what was given so far; in the environment several are separated by spaces. */
function origin(text: string, before: readonly string[]): readonly string[] {
  const origins = text.split(/\s+/).filter((part) => part !== "");
  for (const given of origins) {
    if (/^https?:/.test(given) && URL.parse(given)?.origin === given) continue;
    throw new InvalidArgumentError(
      "It must be an origin: https:// or http://, a host, and the port unless it is the usual one.",
    );
  }
  return [...before, ...origins];
}

function integer(min: number, max: number): (text: string) => number {
  return (text) => {
    const value = Number(text);
    if (!/^\d+$/.test(text) || value < min || value > max) {
      throw new InvalidArgumentError(`It must be an integer, ${min} to ${max}.`);
    }
    return value;
  };
}

function isLoopback(host: string): boolean {
  return host === "localhost" || host === "::1" || /^127(\.\d{1,3}){3}$/.test(host);
}
