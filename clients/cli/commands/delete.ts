import type { Grokbox } from "@grokbox/sdk";
import { Argument, type Command } from "commander";
import type { Call } from "../call.ts";
import type { CommandLine } from "../command-line.ts";
import type { ConfirmOptions } from "../confirm.ts";
import { deleteEach } from "../deletion.ts";
import { examples } from "../help.ts";
import { plural } from "../numbers.ts";
import { nameOf, type StateName, stateName } from "../session-name.ts";

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
      line.action<[StateName[]], ConfirmOptions>(async (call, [states]) => {
        const box = await call.connect();
        const forgetting = (state: StateName) => forget(box, state, call);
        return deleteEach(
          states,
          { command: "delete", question: questionOf(states), nameOf, forget: forgetting },
          call,
        );
      }),
    );
}

async function forget(box: Grokbox, { session: name, step }: StateName, { limits }: Call): Promise<void> {
  await using session = await box.session(name, limits);
  await (step === undefined ? session.delete(limits) : session.deleteSnapshot(step, limits));
}

function questionOf(states: readonly StateName[]): string {
  const sessions = states.filter(({ step }) => step === undefined).length;
  const what =
    states.length === 1
      ? nameOf(states[0]!)
      : [[sessions, "session"] as const, [states.length - sessions, "snapshot"] as const]
          .flatMap(([number, one]) => (number === 0 ? [] : [plural(number, one)]))
          .join(" and ");
  return `Delete ${what}${sessions === 0 ? "" : " with snapshots and history"}?`;
}
