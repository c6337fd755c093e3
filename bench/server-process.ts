import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { createInterface } from "node:readline";

const main = join(import.meta.dirname, "../server/main.ts");

/** What `npm start` starts the server with. */
const { scripts }: { scripts: Record<string, string> } = JSON.parse(
  readFileSync(join(import.meta.dirname, "../package.json"), "utf8"),
);
const nodeFlags = scripts.start.split(" ").filter((word) => word.startsWith("--"));

export interface ServerProcess {
  readonly child: ChildProcess;
  /** host:port */
  readonly address: string;
  /** host:port of the web port */
  readonly webAddress: string;
}

/** A server in a process of its own, as in use, on free ports. It ends with this one. */
export async function startServerProcess(...args: readonly string[]): Promise<ServerProcess> {
  const keeping = args.includes("--data") ? [] : ["--ephemeral"];
  const child = spawn(
    process.execPath,
    [
      ...nodeFlags,
      ...["--import", join(import.meta.dirname, "lifeline.ts")],
      ...[main, "--port", "0", "--log-level", "warn", "--engine", "cpu"],
      ...keeping,
      ...args,
    ],
    { stdio: ["pipe", "pipe", "inherit"] },
  );
  let address: string | undefined;
  for await (const line of createInterface({ input: child.stdout })) {
    address ??= /is ready on (\S+)/.exec(line)?.[1];
    const webAddress = /http:\/\/(\S+)\/metrics/.exec(line)?.[1];
    if (address === undefined || webAddress === undefined) continue;
    child.stdout.resume();
    return { child, address, webAddress };
  }
  const [code] = await once(child, "exit");
  throw new Error(`the server ended with ${code} before it was ready`);
}

/** One number of those for Prometheus. */
export async function metric(webAddress: string, name: string): Promise<number> {
  const page = await (await fetch(`http://${webAddress}/metrics`)).text();
  return Number(new RegExp(`^${name} (.*)$`, "m").exec(page)![1]);
}
