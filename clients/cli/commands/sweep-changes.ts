import type { Sweep, SweepInfo } from "@grokbox/sdk";
import { Argument, type Command } from "commander";
import type { Call } from "../call.ts";
import type { CommandLine } from "../command-line.ts";
import type { ConfirmOptions } from "../confirm.ts";
import { deleteEach } from "../deletion.ts";
import { examples } from "../help.ts";
import { count } from "../numbers.ts";
import { outcomesText } from "../sweep-counts.ts";
import { sweepName } from "../sweep-name.ts";

interface Change {
  readonly name: string;
  readonly summary: string;
  readonly description: string;
  readonly example: readonly [command: string, effect: string];
  readonly make: (sweep: Sweep, limits: Call["limits"]) => Promise<SweepInfo>;
}

const changes: readonly Change[] = [
  {
    name: "sweep-pause",
    summary: "stop a sweep for now",
    description: "Stops every run of a sweep at its next step, keeps everything, and waits for that.",
    example: ["grokbox sweep-pause ID", "`grokbox sweep-resume ID` goes on from there"],
    make: (sweep, limits) => sweep.pause(limits),
  },
  {
    name: "sweep-resume",
    summary: "go on with a paused sweep",
    description: "Goes on with a sweep where it was paused. What comes of it is as if it had not been.",
    example: ["grokbox sweep-resume ID && grokbox sweep ID", "go on, and look on"],
    make: (sweep, limits) => sweep.resume(limits),
  },
  {
    name: "sweep-cancel",
    summary: "stop a sweep for good",
    description: "Stops a sweep for good. Runs that have finished stay, those under way are dropped.",
    example: ["grokbox sweep-cancel ID", "its results stay: `grokbox sweep ID --out results.csv`"],
    make: (sweep, limits) => sweep.cancel(limits),
  },
];

export function addSweepChanges(program: Command, line: CommandLine): void {
  for (const { name, summary, description, example, make } of changes) {
    program
      .command(name)
      .summary(summary)
      .description(description)
      .addArgument(sweepArgument())
      .addHelpText("after", examples(example))
      .action(
        line.action<[string]>(async (call, [id]) => {
          const { limits, output } = call;
          await using sweep = await (await call.connect()).openSweep(id, limits);
          const info = await make(sweep, limits);
          output.result(info, () => [`${info.name} is ${info.state}: ${outcomesText(info)}`]);
        }),
      );
  }
}

export function addSweepDelete(program: Command, line: CommandLine): void {
  program
    .command("sweep-delete")
    .summary("stop and forget sweeps")
    .description(
      "Stops and forgets sweeps with the summaries of their runs. Sessions that were to stay do, as sessions of no sweep that there is. On a terminal it asks first.",
    )
    .addArgument(
      new Argument("<sweep...>", "ID or sweeps/ID").argParser((text, before: string[] = []) => [
        ...before,
        sweepName(text),
      ]),
    )
    .option("-y, --yes", "don't ask")
    .addHelpText("after", examples(["grokbox sweep-delete ID", "keep its results first: --out"]))
    .action(
      line.action<[string[]], ConfirmOptions>(async (call, [names]) => {
        const box = await call.connect();
        const forget = async (name: string) => {
          await using sweep = await box.openSweep(name, call.limits);
          await sweep.delete(call.limits);
        };
        const what = names.length === 1 ? `${names[0]} with its` : `${count(names.length)} sweeps with their`;
        const question = `Delete ${what} results?`;
        return deleteEach(names, { command: "sweep-delete", question, nameOf: (name) => name, forget }, call);
      }),
    );
}

export function sweepArgument(): Argument {
  return new Argument("<sweep>", "ID or sweeps/ID").argParser(sweepName);
}
