import { spawn } from "node:child_process";
import { join } from "node:path";
import { text } from "node:stream/consumers";

/** The addresses that examples and the README are written for. */
export const printedAddress = "localhost:50051";
export const printedWebAddress = "localhost:8080";

export interface Outcome {
  readonly code: number | null;
  readonly output: string;
  readonly errors: string;
}

/** Runs a TypeScript script as if it were a file of `clients/`, in a process of its own. */
export function runScript(script: string, ...args: readonly string[]): Promise<Outcome> {
  const clients = join(import.meta.dirname, "../../clients");
  return runProcess(process.execPath, ["--input-type=module-typescript", "-", ...args], {
    cwd: clients,
    input: script,
  });
}

export async function runProcess(
  command: string,
  args: readonly string[],
  options: { readonly cwd: string; readonly input?: string; readonly env?: NodeJS.ProcessEnv },
): Promise<Outcome> {
  const child = spawn(command, args, {
    cwd: options.cwd,
    env: { ...process.env, ...options.env },
    stdio: ["pipe", "pipe", "pipe"],
  });
  child.stdin.on("error", () => {});
  child.stdin.end(options.input ?? "");
  const closed = new Promise<number | null>((resolve, reject) =>
    child.on("error", reject).on("close", resolve),
  );
  const [output, errors, code] = await Promise.all([text(child.stdout), text(child.stderr), closed]);
  return { code, output, errors };
}
