import type { ActivationScores } from "@grokbox/sdk";
import type { Command } from "commander";
import type { CommandLine } from "../command-line.ts";
import { examples } from "../help.ts";
import { activationNames } from "../names.ts";
import { count, measure, percent } from "../numbers.ts";
import { bar } from "../plot.ts";
import { atOption, expectedStepOption, sessionArgument } from "../shared-options.ts";
import { type Column, table } from "../table.ts";
import { UsageError } from "../usage-error.ts";

interface Options {
  readonly evaluateOnly?: true;
  readonly at?: number;
  readonly expectedStep?: number;
}

export function addSwap(program: Command, line: CommandLine): void {
  program
    .command("swap")
    .summary("go on under another activation, or only look at it")
    .description(
      "Goes on under another activation. With --evaluate-only it only says how the weights do under each, and changes nothing.",
    )
    .addArgument(sessionArgument())
    .argument("<activation...>", activationNames.join(", "))
    .option("--evaluate-only", "change nothing")
    .addOption(atOption("with --evaluate-only:"))
    .addOption(expectedStepOption())
    .addHelpText(
      "after",
      examples(
        ["grokbox swap ID abs x^4 exp --evaluate-only", "the paper's table"],
        ["grokbox swap ID x^2", "train on under x^2"],
      ),
    )
    .action(
      line.action<[string, string[]], Options>(async (call, [name, activations]) => {
        const { evaluateOnly = false, at, expectedStep } = call.options;
        if (!evaluateOnly && activations.length > 1) {
          throw new UsageError(
            "a session goes on under one activation; to look at several, add --evaluate-only",
          );
        }
        if (!evaluateOnly && at !== undefined) throw new UsageError("--at needs --evaluate-only");
        await using session = await call.session(name);
        const scores = await session.swapActivation(activations, {
          ...call.limits,
          evaluateOnly,
          at,
          expectedStep,
        });
        const { output } = call;
        const { info } = session;
        const before = evaluateOnly
          ? undefined
          : info.events.findLast((event) => event.kind === "activation-swapped");
        const step = at ?? info.step;
        output.result({ session: info.name, step, evaluateOnly, scores }, () => [
          before === undefined
            ? `${output.style("bold", info.name)} at step ${count(step)}; it has ${info.spec.activation}`
            : `${output.style("bold", info.name)} goes on under ${before.to}, from step ${count(info.step)} on (before: ${before.from})`,
          "",
          ...table(scores, columns, output),
        ]);
      }),
    );
}

const columns: readonly Column<ActivationScores>[] = [
  { title: "ACTIVATION", value: ({ activation }) => activation },
  { title: "ACCURACY", value: ({ accuracy }) => percent(accuracy), align: "right" },
  { title: "", value: ({ accuracy }) => bar(accuracy, 20).padEnd(20), format: () => "cyan", expendable: 2 },
  { title: "LOSS", value: ({ loss }) => measure(loss), align: "right" },
  { title: "TRAIN", value: ({ scores }) => percent(scores.trainAccuracy), align: "right", expendable: 1 },
  {
    title: "TEST",
    value: ({ scores }) => percentOrNothing(scores.testAccuracy),
    align: "right",
    expendable: 1,
  },
];

/** Without a test set there is no such column. */
function percentOrNothing(value: number | undefined): string {
  return value === undefined ? "" : percent(value);
}
