import { createInterface } from "node:readline/promises";
import type { Grokbox } from "@grokbox/sdk";
import { Argument, type Command } from "commander";
import type { Call } from "../call.ts";
import type { CommandLine } from "../command-line.ts";
import { exitCodes } from "../exit-code.ts";
import { describe, failureOf, toJson } from "../failure.ts";
import { examples } from "../help.ts";
import { plural } from "../numbers.ts";
import { sessionName } from "../session-name.ts";

interface Options {
  readonly yes?: true;
}

export function addDelete(program: Command, line: CommandLine): void {
  const names = new Argument("<session...>", "ID or sessions/ID").argParser((text, before: string[] = []) => [
    ...before,
    sessionName(text),
  ]);
  program
    .command("delete")
    .alias("rm")
    .summary("stop and forget sessions")
    .description(
      "Stops and forgets sessions, with their snapshots and their history. On a terminal it asks first.",
    )
    .addArgument(names)
    .option("-y, --yes", "don't ask")
    .addHelpText(
      "after",
      examples(
        ["grokbox delete ID", "one"],
        ["grokbox list --label sweep=lr --json | jq -r '.sessions[].name' | xargs grokbox delete", "many"],
      ),
    )
    .action(
      line.action<[string[]], Options>(async (call, [sessions]) => {
        const box = await call.connect();
        if (!(await isConfirmed(sessions, call))) {
          call.output.say(["Nothing was deleted."]);
          return exitCodes.failure;
        }
        const deleted: string[] = [];
        let exitCode = 0;
        for (const name of sessions) {
          try {
            await forget(box, name, call);
            deleted.push(name);
          } catch (error) {
            const failure = failureOf(error, call.interrupt, "delete");
            call.output.say(call.output.json ? [JSON.stringify(toJson(failure))] : describe(failure));
            exitCode ||= failure.exitCode;
            if (call.interrupt.aborted) break;
          }
        }
        call.output.result({ deleted }, () => deleted.map((name) => `${name} is deleted`));
        return exitCode;
      }),
    );
}

async function forget(box: Grokbox, name: string, { limits }: Call): Promise<void> {
  await using session = await box.session(name, limits);
  await session.delete(limits);
}

/** Where nobody can be asked, the command line itself is the answer. */
async function isConfirmed(
  sessions: readonly string[],
  { world, options, output, interrupt }: Call<Options>,
): Promise<boolean> {
  const { stdin, stderr } = world;
  if (options.yes || output.json || !stdin.isTTY || !stderr.isTTY) return true;
  const what = sessions.length === 1 ? sessions[0] : plural(sessions.length, "session");
  const prompt = createInterface({ input: stdin, output: stderr });
  try {
    const answer = await prompt.question(`Delete ${what} with snapshots and history? [y/N] `, {
      signal: interrupt,
    });
    return /^y(es)?$/i.test(answer.trim());
  } finally {
    prompt.close();
  }
}
