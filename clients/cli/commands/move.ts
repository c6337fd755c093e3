import { type Command, Option } from "commander";
import type { CommandLine } from "../command-line.ts";
import { examples } from "../help.ts";
import { count } from "../numbers.ts";
import { expectedStepOption, sessionArgument } from "../shared-options.ts";

interface Options {
  readonly engine: string;
  readonly expectedStep?: number;
}

export function addMove(program: Command, line: CommandLine): void {
  program
    .command("move")
    .summary("put a session on another engine")
    .description(
      "Puts a session on another engine of the server, from its present state. A run under way goes on there.",
    )
    .addArgument(sessionArgument())
    .addOption(
      new Option(
        "--engine <name>",
        "one that grokbox info lists, or auto for the fastest",
      ).makeOptionMandatory(),
    )
    .addOption(expectedStepOption())
    .addHelpText(
      "after",
      examples(
        ["grokbox move ID --engine cpu", "away from the GPU"],
        ["grokbox move ID --engine auto", "to where it is fastest now"],
      ),
    )
    .action(
      line.action<[string], Options>(async (call, [name]) => {
        await using session = await call.session(name);
        const before = session.info.engine;
        const { engine, expectedStep } = call.options;
        const info = await session.move(engine, { ...call.limits, expectedStep });
        call.output.result(info, () => [
          info.engine === before
            ? `${info.name} stays on ${info.engine}`
            : `${info.name} is on ${info.engine} from step ${count(info.step)} on (${info.engineReason})`,
        ]);
      }),
    );
}
