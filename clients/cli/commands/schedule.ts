import { type Command, Option } from "commander";
import type { CommandLine } from "../command-line.ts";
import { examples } from "../help.ts";
import { addScheduleOptions, type ScheduleOptions, scheduleOf, scheduleText } from "../schedule-options.ts";
import { sessionArgument } from "../shared-options.ts";
import { UsageError } from "../usage-error.ts";

interface Options extends ScheduleOptions {
  readonly none?: true;
}

export function addSchedule(program: Command, line: CommandLine): void {
  const command = program
    .command("schedule")
    .summary("which snapshots a session keeps by itself")
    .description(
      "Prints which snapshots a session keeps by itself, or says anew which; the flags are all of it. Labelled, asked for and forked-from snapshots always stay.",
    )
    .addArgument(sessionArgument());
  addScheduleOptions(command)
    .addOption(new Option("--none", "keep none by itself any more"))
    .addHelpText(
      "after",
      examples(
        ["grokbox schedule ID", "what it is"],
        ["grokbox schedule ID --snapshot-every 500 --retain 20", "every 500 steps, the newest 20"],
        ["grokbox schedule ID --none", "no more"],
      ),
    )
    .action(
      line.action<[string], Options>(async (call, [name]) => {
        const given = scheduleOf(call.options);
        if (given !== undefined && call.options.none) throw new UsageError("--none goes with no other flag");
        await using session = await call.session(name);
        const snapshotSchedule = call.options.none ? {} : given;
        if (snapshotSchedule !== undefined) await session.update({ snapshotSchedule }, call.limits);
        const { info } = session;
        const text = scheduleText(info.snapshotSchedule);
        call.output.result(info, () => [text === "" ? "none" : text]);
      }),
    );
}
