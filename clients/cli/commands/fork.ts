import type { Command } from "commander";
import { addChangesOptions, type ChangesOptions, changesOf } from "../changes-options.ts";
import { changesText } from "../changes-text.ts";
import type { CommandLine } from "../command-line.ts";
import { examples } from "../help.ts";
import { type MeasureOptions, measureOption } from "../measure-options.ts";
import { count } from "../numbers.ts";
import { nextSteps } from "../output.ts";
import { addScheduleOptions, type ScheduleOptions, scheduleOf } from "../schedule-options.ts";
import { idOf, type StateName } from "../session-name.ts";
import {
  engineOption,
  expectedStepOption,
  labelOption,
  recordEveryOption,
  stateArgument,
} from "../shared-options.ts";

interface Options extends ChangesOptions, ScheduleOptions, MeasureOptions {
  readonly label?: Readonly<Record<string, string>>;
  readonly recordEvery?: number;
  readonly engine?: string;
  readonly expectedStep?: number;
}

export function addFork(program: Command, line: CommandLine): void {
  const command = program
    .command("fork")
    .summary("another course from a snapshot, or from now")
    .description(
      "Makes a session that begins with the state of another one and goes on differently. The other one is not touched.",
    )
    .addArgument(stateArgument());
  addScheduleOptions(addChangesOptions(command))
    .addOption(labelOption("to find it by; the source's are not taken over"))
    .addOption(recordEveryOption("the source's"))
    .addOption(measureOption("the source's"))
    .addOption(engineOption("the source's"))
    .addOption(expectedStepOption())
    .addHelpText(
      "after",
      examples(
        ["grokbox fork ID@2200 --weight-decay 0", "would it have grokked without decay?"],
        ["grokbox fork ID --activation abs", "from now on under another activation"],
        ["grokbox fork ID@2200 --remove-frequencies 3", "without one of its frequencies"],
      ),
    )
    .action(
      line.action<[StateName], Options>(async (call, [{ session: name, step: at }]) => {
        const { options, output, limits } = call;
        const { label: labels, recordEvery, engine, expectedStep } = options;
        await using session = await call.session(name);
        await using branch = await session.fork({
          ...changesOf(options, session.info.spec),
          ...limits,
          at,
          labels,
          recordEvery,
          engine,
          expectedStep,
          snapshotSchedule: scheduleOf(options),
          measures: options.measure,
        });
        const { info } = branch;
        const id = idOf(info.name);
        const changes = changesText(info.parent?.changes ?? {});
        output.result(info, () => [info.name]);
        output.hint([
          `${idOf(info.parent?.snapshot ?? name)} ${changes === "" ? "as it is" : `with ${changes}`}`,
          ...nextSteps([
            [`grokbox run ${id} --until ${info.step + 10_000}`, "train, and look on"],
            [`grokbox show ${id}`, `where it comes from, at step ${count(info.step)}`],
          ]),
        ]);
      }),
    );
}
