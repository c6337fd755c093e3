import { spawn } from "node:child_process";
import type { Command } from "commander";
import { examples } from "../help.ts";
import { UsageError } from "../usage-error.ts";
import type { World } from "../world.ts";

export function addServe(program: Command): void {
  program
    .command("serve")
    .summary("start a server on this machine")
    .usage("[options]")
    .description("Starts a server on this machine. `grokbox serve --help` lists the server's own options.")
    .addHelpText("after", examples(["grokbox serve --port 50052", "on another port"]))
    .allowUnknownOption()
    .allowExcessArguments()
    .action(() => {
      throw new UsageError(
        "serve must be the first word, as what follows is the server's: grokbox serve --port 50052",
      );
    });
}

/**
 * Becomes the server, whose flags these are; where that can't be done the server is a child process, and this its exit code.
 */
export async function serve(flags: readonly string[], world: World): Promise<number> {
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
  const argv = [serverEntry, ...flags];
  // In our place, so that signals and the exit code are the server's.
  if (typeof process.execve === "function")
    process.execve(process.execPath, [process.execPath, ...argv], process.env);
  const child = spawn(process.execPath, argv, { stdio: "inherit" });
  return new Promise((resolve) => child.on("exit", (code) => resolve(code ?? 1)));
}
