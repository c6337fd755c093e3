import { CommanderError } from "commander";
import { Call, type GlobalOptions } from "./call.ts";
import { becomeServer, serverArgv } from "./commands/server-commands.ts";
import { describe, type Failure, failureOf, toJson, usageFailure } from "./failure.ts";
import { buildProgram } from "./program.ts";
import { UsageError } from "./usage-error.ts";
import type { World } from "./world.ts";

/** What a command does once its line is understood; what it returns is the exit code, 0 when it returns nothing. */
export type Body<A extends readonly unknown[], O> = (
  call: Call<O>,
  args: A,
) => Promise<number | undefined> | Promise<void>;

/** Where commands leave what they do. */
export interface CommandLine {
  /** An action for commander. Whatever it connects to is let go at its end. */
  action<A extends readonly unknown[] = [], O = object>(
    body: Body<A, O>,
  ): (...all: unknown[]) => Promise<void>;
  readonly world: World;
}

/** Understands a command line, does what it says, and tells what went wrong. Resolves to the exit code. */
export async function runCommandLine(argv: readonly string[], world: World): Promise<number> {
  let exitCode = 0;
  const program = buildProgram({
    world,
    action:
      <A extends readonly unknown[], O>(body: Body<A, O>) =>
      async (...all) => {
        const command = all.at(-1) as { optsWithGlobals(): O & GlobalOptions };
        await using call = new Call<O>(world, command.optsWithGlobals());
        exitCode = (await body(call, all.slice(0, -2) as unknown as A)) ?? 0;
      },
  });
  const known = new Set(program.commands.map((command) => command.name()));
  const command = argv.find((word) => known.has(word));
  try {
    const forServer = serverArgv(argv);
    if (forServer !== undefined) return await becomeServer(forServer, world);
    if (argv.length === 0) program.outputHelp();
    else await program.parseAsync(argv, { from: "user" });
    return exitCode;
  } catch (error) {
    if (error instanceof CommanderError && error.exitCode === 0) return 0;
    const failure = isUsage(error)
      ? usageFailure(usageMessage(error, argv), command)
      : failureOf(error, world.interrupt, command);
    tell(failure, world, argv.includes("--json"));
    return failure.exitCode;
  }
}

function isUsage(error: unknown): error is Error {
  return error instanceof CommanderError || error instanceof UsageError;
}

function usageMessage({ message, ...error }: Error, argv: readonly string[]): string {
  // Commander shows help in place of saying what is wrong.
  if (!("code" in error) || error.code !== "commander.help") return message.replace(/^error: /, "");
  const asked = argv.find((word) => word !== "help" && !word.startsWith("-"));
  return asked === undefined ? "no command is given" : `unknown command '${asked}'`;
}

/** On stderr, for people or as JSON. */
export function tell(failure: Failure, { stderr }: Pick<World, "stderr">, json: boolean): void {
  const lines = json ? [JSON.stringify(toJson(failure))] : describe(failure);
  stderr.write(`${lines.join("\n")}\n`);
}
