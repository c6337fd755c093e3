import type { Command } from "commander";
import type { CommandLine } from "../command-line.ts";
import { examples } from "../help.ts";
import { count, percent } from "../numbers.ts";
import { snapshotName } from "../session-name.ts";
import { atOption, sessionArgument } from "../shared-options.ts";
import { uint32s } from "../values.ts";

interface Options {
  readonly at?: number;
  readonly begin?: string;
  readonly neurons?: readonly number[];
}

export function addLottery(program: Command, line: CommandLine): void {
  program
    .command("lottery")
    .summary("which frequency each neuron was to end with")
    .description(
      "Forecasts the dominant frequency of every neuron from where it began, by the decoupled flow's earliest blow-up, and scores the forecast.",
    )
    .addArgument(sessionArgument())
    .addOption(atOption("score against"))
    .option(
      "--begin <snapshot>",
      "forecast from ID@STEP or sessions/ID/snapshots/STEP; left out: step 0 as the spec draws it",
      snapshotName,
    )
    .option("--neurons <list>", "also tell these neurons, separated by commas, at most 64", uint32s)
    .addHelpText(
      "after",
      examples(
        ["grokbox lottery ID", "how many winners step 0 tells"],
        ["grokbox lottery ID --begin ID@100", "and how many its snapshot of step 100"],
        ["grokbox lottery ID --neurons 40,41", "and what it says of two neurons"],
      ),
    )
    .action(
      line.action<[string], Options>(async (call, [name]) => {
        await using session = await call.session(name);
        const { at, begin, neurons = [] } = call.options;
        const found = await session.lottery({ ...call.limits, at, begin, neurons });
        const { step, beginStep, shareRight, shareByMisalignment, shareByMagnitude } = found;
        const shown = neurons.map((neuron) => ({
          neuron,
          forecast: found.forecast.data[neuron]!,
          confidence: found.confidence.data[neuron]!,
          actual: found.actual.data[neuron]!,
        }));
        const { output } = call;
        output.result(
          {
            session: session.name,
            step,
            beginStep,
            shareRight,
            shareByMisalignment,
            shareByMagnitude,
            ...(neurons.length > 0 && { neurons: shown }),
          },
          () => [
            `${output.style("bold", session.name)}: of the winners at step ${count(step)}, step ${count(beginStep)} tells ${percent(shareRight)}`,
            `by the smallest misalignment alone ${percent(shareByMisalignment)}, by the largest magnitude alone ${percent(shareByMagnitude)}`,
            ...shown.map(
              ({ neuron, forecast, confidence, actual }) =>
                `neuron ${neuron}: forecast ${forecast || "none"} with confidence ${confidence.toFixed(2)}, has ${actual || "none"}`,
            ),
          ],
        );
      }),
    );
}
