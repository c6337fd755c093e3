import { createInterface } from "node:readline/promises";
import type { Grokbox } from "@grokbox/sdk";
import { Argument, type Command } from "commander";
import type { Call } from "../call.ts";
import type { CommandLine } from "../command-line.ts";
import { exitCodes } from "../exit-code.ts";
import { describe, failureOf, toJson } from "../failure.ts";
import { examples } from "../help.ts";
import { plural } from "../numbers.ts";
import { nameOf, type StateName, stateName } from "../session-name.ts";

interface Options {
  readonly yes?: true;
}

export function addDelete(program: Command, line: CommandLine): void {
  const names = new Argument("<session...>", "ID for a session, ID@STEP for a snapshot").argParser(
    (text, before: StateName[] = []) => [...before, stateName(text)],
  );
  program
    .command("delete")
    .alias("rm")
    .summary("stop and forget sessions, or delete snapshots")
    .description(
      "Stops and forgets sessions, with their snapshots and their history, or deletes single snapshots. Forks of them stay. On a terminal it asks first.",
    )
    .addArgument(names)
    .option("-y, --yes", "don't ask")
    .addHelpText(
      "after",
      examples(
        ["grokbox delete ID", "one session"],
        ["grokbox delete ID@2200 ID@4400", "two of its snapshots"],
        ["grokbox list --label sweep=lr --json | jq -r '.sessions[].name' | xargs grokbox delete", "many"],
      ),
    )
    .action(
      line.action<[StateName[]], Options>(async (call, [states]) => {
        const box = await call.connect();
        if (!(await isConfirmed(states, call))) {
          call.output.say(["Nothing was deleted."]);
          return exitCodes.failure;
        }
        const deleted: string[] = [];
        let exitCode = 0;
        for (const state of states) {
          try {
            await forget(box, state, call);
            deleted.push(nameOf(state));
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

async function forget(box: Grokbox, { session: name, step }: StateName, { limits }: Call): Promise<void> {
  await using session = await box.session(name, limits);
  await (step === undefined ? session.delete(limits) : session.deleteSnapshot(step, limits));
}

/** Where nobody can be asked, the command line itself is the answer. */
async function isConfirmed(
  states: readonly StateName[],
  { world, options, output, interrupt }: Call<Options>,
): Promise<boolean> {
  const { stdin, stderr } = world;
  if (options.yes || output.json || !stdin.isTTY || !stderr.isTTY) return true;
  const sessions = states.filter(({ step }) => step === undefined).length;
  const what =
    states.length === 1
      ? nameOf(states[0]!)
      : [[sessions, "session"] as const, [states.length - sessions, "snapshot"] as const]
          .flatMap(([number, one]) => (number === 0 ? [] : [plural(number, one)]))
          .join(" and ");
  const prompt = createInterface({ input: stdin, output: stderr });
  try {
    const answer = await prompt.question(
      `Delete ${what}${sessions === 0 ? "" : " with snapshots and history"}? [y/N] `,
      {
        signal: interrupt,
      },
    );
    return /^y(es)?$/i.test(answer.trim());
  } finally {
    prompt.close();
  }
}
