import { Argument, type Command } from "commander";
import type { CommandLine } from "../command-line.ts";
import { examples } from "../help.ts";
import { count } from "../numbers.ts";
import { nextSteps } from "../output.ts";
import { idOf, type StateName, snapshotOf } from "../session-name.ts";
import { expectedStepOption } from "../shared-options.ts";

interface Options {
  readonly expectedStep?: number;
}

export function addRestore(program: Command, line: CommandLine): void {
  program
    .command("restore")
    .summary("put a session back to its snapshot")
    .description(
      "Puts a session that is not training back to one of its snapshots. Its later progress is forgotten; its snapshots stay, and the state before is kept as one.",
    )
    .addArgument(new Argument("<session>", "ID@STEP").argParser(snapshotOf))
    .addOption(expectedStepOption())
    .addHelpText(
      "after",
      examples(
        ["grokbox restore ID@2200", "back to step 2,200"],
        ["grokbox fork ID@2200", "from there on in another session instead"],
      ),
    )
    .action(
      line.action<[StateName & { readonly step: number }], Options>(
        async (call, [{ session: name, step }]) => {
          await using session = await call.session(name);
          const before = session.info.step;
          const { expectedStep } = call.options;
          const info = await session.restore(step, { ...call.limits, expectedStep });
          const { output } = call;
          output.result(info, () => [`${name} is back at step ${count(info.step)}`]);
          if (before !== info.step) {
            output.hint(nextSteps([[`grokbox restore ${idOf(name)}@${before}`, "to where it was"]]));
          }
        },
      ),
    );
}
