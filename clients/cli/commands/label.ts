import { type Command, InvalidArgumentError } from "commander";
import type { CommandLine } from "../command-line.ts";
import { examples } from "../help.ts";
import { labelsText } from "../session-text.ts";
import { sessionArgument } from "../shared-options.ts";

/** A label to set, or to remove when it has no value. */
interface Change {
  readonly key: string;
  readonly value: string | undefined;
}

export function addLabel(program: Command, line: CommandLine): void {
  program
    .command("label")
    .summary("set or remove labels of a session")
    .description("Sets labels of a session with KEY=VALUE, removes them with KEY-, and prints those it has.")
    .addArgument(sessionArgument())
    .argument("[labels...]", "KEY=VALUE to set, KEY- to remove", change)
    .addHelpText(
      "after",
      examples(
        ["grokbox label ID sweep=lr owner=anna", "set two"],
        ["grokbox label ID owner-", "remove one"],
        ["grokbox list --label sweep=lr", "find it by one"],
      ),
    )
    .action(
      line.action<[string, Change[] | undefined]>(async (call, [name, changes = []]) => {
        await using session = await call.session(name);
        const set = changes.flatMap(({ key, value }) => (value === undefined ? [] : [[key, value] as const]));
        const removeLabels = changes.filter(({ value }) => value === undefined).map(({ key }) => key);
        if (changes.length > 0) {
          await session.update({ setLabels: Object.fromEntries(set), removeLabels }, call.limits);
        }
        const { info } = session;
        call.output.result(info, () => [labelsText(info)].filter((text) => text !== ""));
      }),
    );
}

function change(text: string, before: readonly Change[] = []): Change[] {
  const [, key, value] = /^([^=]+)=(.*)$/s.exec(text) ?? [];
  if (key !== undefined) return [...before, { key, value }];
  if (/^.+-$/.test(text)) return [...before, { key: text.slice(0, -1), value: undefined }];
  throw new InvalidArgumentError("It must be KEY=VALUE to set it, or KEY- to remove it.");
}
