import type { Evaluation, Scores } from "@grokbox/sdk";
import type { Command } from "commander";
import type { CommandLine } from "../command-line.ts";
import { examples } from "../help.ts";
import { count, measure, percent } from "../numbers.ts";
import { atOption, sessionArgument } from "../shared-options.ts";
import { type Column, table } from "../table.ts";

interface Options {
  readonly at?: number;
}

export function addEvaluate(program: Command, line: CommandLine): void {
  program
    .command("evaluate")
    .summary("losses and accuracies by class of pairs")
    .description(
      "Losses and accuracies in float64: of the network as it is, with both layers reduced to each neuron's dominant frequency, and with that frequency removed.",
    )
    .addArgument(sessionArgument())
    .addOption(atOption("evaluate"))
    .addHelpText(
      "after",
      examples(
        ["grokbox evaluate ID", "as it is now"],
        ["grokbox evaluate ID --at 2200", "as it was at a snapshot"],
      ),
    )
    .action(
      line.action<[string], Options>(async (call, [name]) => {
        await using session = await call.session(name);
        const evaluation = await session.evaluate({ ...call.limits, at: call.options.at });
        const { output } = call;
        output.result({ session: session.name, ...evaluation }, () => [
          `${output.style("bold", session.name)} at step ${count(evaluation.step)}, parameter norm ${measure(evaluation.parameterNorm)}`,
          "",
          ...table(rows(evaluation), columns, output),
        ]);
      }),
    );
}

interface Row {
  readonly what: string;
  readonly asItIs: string;
  readonly only: string;
  readonly removed: string;
}

const columns: readonly Column<Row>[] = [
  { title: "", value: ({ what }) => what },
  { title: "AS IT IS", value: ({ asItIs }) => asItIs, align: "right" },
  { title: "DOMINANT ONLY", value: ({ only }) => only, align: "right" },
  { title: "DOMINANT REMOVED", value: ({ removed }) => removed, align: "right" },
];

/** A row for what at least the network as it is has. */
function rows({ scores, dominantOnly, dominantRemoved, loss, accuracy }: Evaluation): Row[] {
  const row = (
    what: string,
    read: (scores: Scores) => number | undefined,
    show: (value: number | undefined) => string,
  ) => ({
    what,
    asItIs: show(read(scores)),
    only: show(read(dominantOnly)),
    removed: show(read(dominantRemoved)),
  });
  return [
    row("train loss", ({ trainLoss }) => trainLoss, measure),
    row("test loss", ({ testLoss }) => testLoss, measure),
    { what: "loss, all pairs", asItIs: measure(loss), only: "", removed: "" },
    row("train accuracy", ({ trainAccuracy }) => trainAccuracy, percent),
    row("  common", (part) => part.accuracy.common, percent),
    row("  rare", (part) => part.accuracy.rare, percent),
    row("test accuracy", ({ testAccuracy }) => testAccuracy, percent),
    row("  partner", (part) => part.accuracy.partner, percent),
    row("  held out", (part) => part.accuracy.heldOut, percent),
    { what: "accuracy, all pairs", asItIs: percent(accuracy), only: "", removed: "" },
  ].filter(({ asItIs }) => asItIs !== "-");
}
