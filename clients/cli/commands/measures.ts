import { type Command, Option } from "commander";
import type { CommandLine } from "../command-line.ts";
import { examples } from "../help.ts";
import { type MeasureOptions, measureOption, measuresText } from "../measure-options.ts";
import { measuresHelp, schedulableMeasureNames } from "../measures.ts";
import { sessionArgument } from "../shared-options.ts";
import { UsageError } from "../usage-error.ts";

interface Options extends MeasureOptions {
  readonly none?: true;
}

export function addMeasures(program: Command, line: CommandLine): void {
  program
    .command("measures")
    .summary("what a session measures, and how often")
    .description(
      "Prints which extra measures a session takes, or says anew which; the flags are all of it. Of ipr and mean_abs_sin_misalignment, which every point has else, it can say how often. Also during a run: it holds for the points from then on.",
    )
    .addArgument(sessionArgument())
    .addOption(measureOption(""))
    .addOption(
      new Option(
        "--none",
        "take no extra ones any more, and ipr and mean_abs_sin_misalignment at every point",
      ),
    )
    .addHelpText(
      "after",
      measuresHelp("Measures", schedulableMeasureNames) +
        examples(
          ["grokbox measures ID", "which it takes"],
          ["grokbox measures ID --measure voting_r_squared --measure ipr_xi:1000", "these two, and no other"],
          [
            "grokbox measures ID --measure ipr:10 --measure mean_abs_sin_misalignment:10",
            "spectra at multiples of 10 steps only",
          ],
          ["grokbox measures ID --none", "as at first"],
        ),
    )
    .action(
      line.action<[string], Options>(async (call, [name]) => {
        const { measure, none } = call.options;
        if (measure !== undefined && none) throw new UsageError("--none goes with no other flag");
        await using session = await call.session(name);
        const measures = none ? [] : measure;
        if (measures !== undefined) await session.update({ measures }, call.limits);
        const { info } = session;
        const text = measuresText(info.measures);
        call.output.result(info, () => [text === "" ? "none" : text]);
      }),
    );
}
