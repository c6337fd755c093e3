import { runCommandLine, tell } from "./command-line.ts";
import { failureOf } from "./failure.ts";
import { Interruption, type World } from "./world.ts";

/** npm passes on a Ctrl-C that the terminal has sent us already; what comes so soon after the first is the same one. */
const sameKeypressMs = 500;

/** The command line in this process. Resolves to the exit code. */
export function main(launcher: Pick<World, "version" | "serverEntry">): Promise<number> {
  const { stdin, stdout, stderr, env } = process;
  const interrupt = interruptions();
  stdout.on("error", (error: NodeJS.ErrnoException) => {
    // A reader that has seen enough, such as head, is no failure.
    if (error.code === "EPIPE") process.exit(0);
    const failure = failureOf(new Error(`can't write: ${error.code}`), interrupt, undefined);
    tell(failure, { stderr }, process.argv.includes("--json"));
    process.exit(failure.exitCode);
  });
  // With nobody left to tell, there is nothing to tell.
  stderr.on("error", () => {});
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
