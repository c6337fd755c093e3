import type { Command } from "commander";
import type { CommandLine } from "../command-line.ts";
import { examples } from "../help.ts";
import { count } from "../numbers.ts";
import { sessionArgument } from "../shared-options.ts";

export function addPause(program: Command, line: CommandLine): void {
  program
    .command("pause")
    .summary("stop a run")
    .description(
      "Stops the run under way at its next step, and waits for that. Without a run it does nothing.",
    )
    .addArgument(sessionArgument())
    .addHelpText("after", examples(["grokbox pause ID", "`grokbox run ID` goes on from there"]))
    .action(
      line.action<[string]>(async (call, [name]) => {
        await using session = await call.session(name);
        const ran = session.info.run !== undefined;
        const info = await session.pause(call.limits);
        call.output.result(info, () => [
          ran
            ? `${info.name} is ${info.state} at step ${count(info.step)}`
            : `${info.name} was not running; it is ${info.state} at step ${count(info.step)}`,
        ]);
      }),
    );
}
