import type { DownloadedSnapshot, Snapshot } from "@grokbox/sdk";
import type { Command } from "commander";
import type { CommandLine } from "../command-line.ts";
import { examples } from "../help.ts";
import { count } from "../numbers.ts";
import { nextSteps } from "../output.ts";
import { idOf } from "../session-name.ts";
import { atOption, expectedStepOption, sessionArgument } from "../shared-options.ts";
import { aboutOf, writeSnapshot } from "../snapshot-files.ts";
import { UsageError } from "../usage-error.ts";

interface Options {
  readonly at?: number;
  readonly output?: string;
  readonly expectedStep?: number;
  readonly label?: string;
}

export function addSnapshot(program: Command, line: CommandLine): void {
  program
    .command("snapshot")
    .summary("keep a session's state, or download it")
    .description(
      "Keeps the session's present state on the server and prints the snapshot's name. With --output its arrays are downloaded too.",
    )
    .addArgument(sessionArgument())
    .option(
      "-o, --output <folder>",
      "download theta.npy, xi.npy, what else is trained or kept by the optimizer, and snapshot.json to it",
    )
    .addOption(atOption("with --output:"))
    .option("--label <text>", "what it is, for people; such a snapshot is never deleted by itself")
    .addOption(expectedStepOption())
    .addHelpText(
      "after",
      examples(
        ["grokbox snapshot ID", "keep the present state"],
        ["grokbox snapshot ID --at 2200 --output weights", `then: np.load("weights/theta.npy")`],
      ),
    )
    .action(
      line.action<[string], Options>(async (call, [name]) => {
        await using session = await call.session(name);
        const { at, output: folder, expectedStep, label } = call.options;
        if (at !== undefined && label !== undefined)
          throw new UsageError("--label goes with the present state only");
        const taken: Snapshot | undefined =
          at === undefined ? await session.snapshot({ ...call.limits, expectedStep, label }) : undefined;
        const step = at ?? taken!.step;
        const downloaded: DownloadedSnapshot | undefined =
          folder === undefined && at === undefined
            ? undefined
            : await session.download({ ...call.limits, at: step });
        const about = aboutOf((downloaded ?? taken)!);
        const files =
          folder === undefined || downloaded === undefined ? undefined : writeSnapshot(downloaded, folder);
        const { output } = call;
        output.result({ ...about, ...(files && { files }) }, () => [about.name, ...(files ?? [])]);
        const id = idOf(session.name);
        output.hint([
          `${session.name} at step ${count(step)}`,
          ...nextSteps([
            [`grokbox fork ${id}@${step} --weight-decay 0`, "another course from here on"],
            [`grokbox spectrum ${id} --at ${step}`, "look at it later"],
          ]),
        ]);
      }),
    );
}
