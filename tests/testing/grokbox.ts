import { type ChildProcess, spawn } from "node:child_process";
import { join } from "node:path";
import { text } from "node:stream/consumers";

const root = join(import.meta.dirname, "../..");

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

/** Runs the command line in a process of its own, with no configuration but what is given. */
export function begin(args: readonly string[], env: NodeJS.ProcessEnv = {}): Started {
  const { GROKBOX_SERVER: _, ...own } = process.env;
  const child = spawn(bin, args, {
    env: { ...own, XDG_CONFIG_HOME: join(root, "no-such-folder"), ...env },
    stdio: ["ignore", "pipe", "pipe"],
  });
  const status = new Promise<number | null>((resolve) => child.on("close", resolve));
  const ended = Promise.all([status, text(child.stdout!), text(child.stderr!)]).then(
    ([code, stdout, stderr]) => ({ status: code, stdout, stderr }),
  );
  return { child, ended };
}

export function grokbox(args: readonly string[], env: NodeJS.ProcessEnv = {}): Promise<Ended> {
  return begin(args, env).ended;
}
