import { spawn } from "node:child_process";
import type { Command } from "commander";
import { examples } from "../help.ts";
import { UsageError } from "../usage-error.ts";
import type { World } from "../world.ts";

/** What the server does itself, on this machine; its flags are the server's, which knows them better. */
interface ServerCommand {
  readonly name: string;
  readonly usage: string;
  readonly summary: string;
  readonly description: string;
  readonly examples: readonly (readonly [command: string, effect: string])[];
}

const serve: ServerCommand = {
  name: "serve",
  usage: "[options]",
  summary: "start a server on this machine",
  description: "Starts a server on this machine. `grokbox serve --help` lists the server's own options.",
  examples: [["grokbox serve --port 50052", "on another port"]],
};

const onData: readonly ServerCommand[] = [
  {
    name: "backup",
    usage: "<file> [options]",
    summary: "copy this machine's sessions to a file",
    description:
      "Copies all sessions of this machine's server to one file, consistently, also while it runs.",
    examples: [["grokbox backup grokbox.backup", "everything, to a file that is not there yet"]],
  },
  {
    name: "restore-backup",
    usage: "<file> [options]",
    summary: "make a data folder of a backup",
    description: "Makes a server's data folder of a backup.",
    examples: [["grokbox restore-backup grokbox.backup --data DIR", "into a folder of its own"]],
  },
  {
    name: "doctor",
    usage: "[options]",
    summary: "check this machine's sessions for damage",
    description: "Checks every row of this machine's data, says which are damaged, and saves the others.",
    examples: [
      ["grokbox doctor", "look"],
      ["grokbox doctor --salvage FILE", "what is whole, to a new file"],
    ],
  },
];

export function addServe(program: Command): void {
  add(program, serve);
}

export function addDataCommands(program: Command): void {
  for (const command of onData) add(program, command);
}

/**
 * Room for young objects, MiB, as `npm start` gives it (see package.json): the server stands still while they are collected. What an
 * HTTP/2 stream holds outlives two collections, so each takes as long as there were calls since the last one; smaller ones are short.
 */
export const nodeFlags = ["--max-semi-space-size=8", "--min-semi-space-size=8"] as const;

/** What the server is to be called with; undefined for a command line of our own. */
export function serverArgv(argv: readonly string[]): readonly string[] | undefined {
  const [name, ...rest] = argv;
  if (name === serve.name) return rest;
  return onData.some((command) => command.name === name) ? argv : undefined;
}

/**
 * Becomes the server; where that can't be done the server is a child process, and this its exit code.
 */
export async function becomeServer(argv: readonly string[], world: World): Promise<number> {
  const { serverEntry, stderr } = world;
  if (serverEntry === undefined) {
    stderr.write(
      `grokbox: the server is not part of this package; it comes with grokbox's repository. In a clone of that:
  npm ci && npm start
Then name it to this command: grokbox info --server HOST:PORT, or set GROKBOX_SERVER
`,
    );
    return 1;
  }
  const all = [...nodeFlags, serverEntry, ...argv];
  // In our place, so that signals and the exit code are the server's.
  if (typeof process.execve === "function")
    process.execve(process.execPath, [process.execPath, ...all], process.env);
  const child = spawn(process.execPath, all, { stdio: "inherit" });
  return new Promise((resolve) => child.on("exit", (code) => resolve(code ?? 1)));
}

function add(program: Command, { name, usage, summary, description, examples: shown }: ServerCommand): void {
  program
    .command(name)
    .summary(summary)
    .usage(usage)
    .description(description)
    .addHelpText("after", examples(...shown))
    .allowUnknownOption()
    .allowExcessArguments()
    .action(() => {
      throw new UsageError(`${name} must be the first word, as what follows is the server's`);
    });
}
