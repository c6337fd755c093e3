import { Argument, type Command } from "commander";
import type { CommandLine } from "../command-line.ts";
import { bash } from "../completion/bash.ts";
import { describeCommands } from "../completion/commands.ts";
import { fish } from "../completion/fish.ts";
import { zsh } from "../completion/zsh.ts";

const shells = { bash, zsh, fish };

export function addCompletion(program: Command, line: CommandLine): void {
  program
    .command("completion")
    .summary("print a completion script for a shell")
    .description(
      "Prints a script that completes commands, options, presets, activations, and the sessions on the server.",
    )
    .addArgument(new Argument("<shell>", "whose script").choices(Object.keys(shells)))
    .addHelpText(
      "after",
      `
Put into your shell's start file:
  bash   source <(grokbox completion bash)
  zsh    source <(grokbox completion zsh)          after compinit
  fish   grokbox completion fish | source
`,
    )
    .action(
      line.action<[keyof typeof shells]>(async (call, [shell]) => {
        const script = shells[shell](describeCommands(program));
        call.output.result({ shell, script }, () => [script.trimEnd()]);
      }),
    );
}
