import { type ChildProcess, spawn } from "node:child_process";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { PassThrough } from "node:stream";
import { text } from "node:stream/consumers";
import { runCommandLine } from "../../clients/cli/command-line.ts";
import { serverArgv } from "../../clients/cli/commands/server-commands.ts";
import type { World } from "../../clients/cli/world.ts";

const root = join(import.meta.dirname, "../..");
const { version } = JSON.parse(readFileSync(join(root, "clients/cli/package.json"), "utf8"));

/** The command as `npx grokbox` finds it. */
export const bin = join(root, "node_modules/.bin/grokbox");

export interface Ended {
  readonly status: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

export interface Started {
  readonly child: ChildProcess;
  readonly ended: Promise<Ended>;
}

/** This process's variables, with no configuration but what is given. */
function variables(given: NodeJS.ProcessEnv): NodeJS.ProcessEnv {
  const { GROKBOX_SERVER: _, ...own } = process.env;
  return { ...own, XDG_CONFIG_HOME: join(root, "no-such-folder"), ...given };
}

/** Runs the command line in a process of its own. */
export function begin(args: readonly string[], env: NodeJS.ProcessEnv = {}): Started {
  const child = spawn(bin, args, { env: variables(env), stdio: ["ignore", "pipe", "pipe"] });
  const status = new Promise<number | null>((resolve) => child.on("close", resolve));
  const ended = Promise.all([status, text(child.stdout!), text(child.stderr!)]).then(
    ([code, stdout, stderr]) => ({ status: code, stdout, stderr }),
  );
  return { child, ended };
}

/**
 * Runs the command line. In this process, as one of its own takes half a second to start: that is for the long tests, which run every
 * command so, and for the commands that become the server.
 */
export async function grokbox(args: readonly string[], env: NodeJS.ProcessEnv = {}): Promise<Ended> {
  if (process.env.LONG_TESTS || serverArgv(args) !== undefined) return begin(args, env).ended;
  const [stdin, stdout, stderr] = [new PassThrough().end(), new PassThrough(), new PassThrough()];
  const world = {
    env: variables(env),
    // As of a process whose streams are pipes: no terminals.
    stdin: stdin as unknown as World["stdin"],
    stdout: stdout as unknown as World["stdout"],
    stderr: stderr as unknown as World["stderr"],
    interrupt: new AbortController().signal,
    version,
    serverEntry: undefined,
  };
  const written = Promise.all([text(stdout), text(stderr)]);
  const status = await runCommandLine(args, world);
  for (const stream of [stdout, stderr]) stream.end();
  const [out, err] = await written;
  return { status, stdout: out, stderr: err };
}
