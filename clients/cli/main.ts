import { runCommandLine } from "./command-line.ts";
import { Interruption, type World } from "./world.ts";

/** npm passes on a Ctrl-C that the terminal has sent us already; what comes so soon after the first is the same one. */
const sameKeypressMs = 500;

/** The command line in this process. Resolves to the exit code. */
export function main(launcher: Pick<World, "version" | "serverEntry">): Promise<number> {
  const { stdin, stdout, stderr, env } = process;
  // A reader that has seen enough, such as head, is no failure.
  stdout.on("error", (error: NodeJS.ErrnoException) => process.exit(error.code === "EPIPE" ? 0 : 1));
  // With nobody left to tell, there is nothing to tell.
  stderr.on("error", () => {});
  const interrupt = interruptions();
  return runCommandLine(process.argv.slice(2), { ...launcher, stdin, stdout, stderr, env, interrupt });
}

function interruptions(): AbortSignal {
  const controller = new AbortController();
  let firstMs: number | undefined;
  for (const signal of ["SIGINT", "SIGTERM"] as const) {
    process.on(signal, () => {
      const interruption = new Interruption(signal);
      firstMs ??= performance.now();
      if (performance.now() - firstMs > sameKeypressMs) process.exit(interruption.exitCode);
      controller.abort(interruption);
    });
  }
  return controller.signal;
}
