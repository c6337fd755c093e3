import type { Ablation, AblationResult } from "@grokbox/sdk";
import type { Command } from "commander";
import type { CommandLine } from "../command-line.ts";
import { examples } from "../help.ts";
import { count, measure, percent } from "../numbers.ts";
import { atOption, sessionArgument } from "../shared-options.ts";
import { type Column, table } from "../table.ts";
import { UsageError } from "../usage-error.ts";
import { number, uint32s } from "../values.ts";

interface Options {
  readonly at?: number;
  readonly activation?: string;
  readonly removeFrequencies?: readonly number[];
  readonly keepFrequencies?: readonly number[];
  readonly removeNeurons?: readonly number[];
  readonly keepNeurons?: readonly number[];
  readonly project?: true;
  readonly spreadPhases?: number;
  readonly scaleTheta?: number;
  readonly scaleXi?: number;
}

export function addAblate(program: Command, line: CommandLine): void {
  program
    .command("ablate")
    .summary("how a changed copy does")
    .description(
      "Changes a copy of a network and says how it does. Changes are made in the order in which the options stand below.",
    )
    .addArgument(sessionArgument())
    .addOption(atOption("copy"))
    .option("--activation <name>", "under this activation; left out: the session's own")
    .option("--remove-frequencies <list>", "take these out of both layers", uint32s)
    .option("--keep-frequencies <list>", "take all others out of both layers", uint32s)
    .option("--remove-neurons <list>", "drop these, 0 to M - 1", uint32s)
    .option("--keep-neurons <list>", "drop all others", uint32s)
    .option("--project", "reduce both layers to each neuron's dominant frequency")
    .option("--spread-phases <range>", "spread each frequency's phases evenly over so many radians", number)
    .option("--scale-theta <factor>", "multiply the input weights", number)
    .option("--scale-xi <factor>", "multiply the output weights", number)
    .addHelpText(
      "after",
      examples(
        ["grokbox ablate ID --remove-frequencies 3,5", "can it do without two frequencies?"],
        ["grokbox ablate ID --project --at 2200", "as a snapshot, reduced to what it had found"],
      ),
    )
    .action(
      line.action<[string], Options>(async (call, [name]) => {
        const ablations = ablationsOf(call.options);
        if (ablations.length === 0)
          throw new UsageError("say what to change: grokbox ablate --help lists it");
        await using session = await call.session(name);
        const { at, activation } = call.options;
        const { output, limits } = call;
        const read = (state: number | undefined, changes: readonly Ablation[]) =>
          session.ablate(changes, { ...limits, at: state, activation });
        if (output.json) {
          output.record({ session: session.name, ...(await read(at, ablations)) });
          return;
        }
        const both = async (state: number | undefined) =>
          [await read(state, []), await read(state, ablations)] as const;
        let [before, after] = await both(at);
        if (before.step !== after.step) {
          const { holdStill } = await import("@grokbox/figures");
          await using present = await holdStill(session, true, limits.signal);
          [before, after] = await both(present.isKept ? present.step : undefined);
        }
        output.print([
          `${output.style("bold", session.name)} at step ${count(after.step)}, a copy with ${count(after.width)} neurons left`,
          "",
          ...table(rows(before, after), columns, output),
        ]);
      }),
    );
}

function ablationsOf(options: Options): Ablation[] {
  const { removeFrequencies, keepFrequencies, removeNeurons, keepNeurons, project, spreadPhases } = options;
  const { scaleTheta: theta = 1, scaleXi: xi = 1 } = options;
  return [
    ...(removeFrequencies === undefined ? [] : [{ removeFrequencies }]),
    ...(keepFrequencies === undefined ? [] : [{ keepFrequencies }]),
    ...(removeNeurons === undefined ? [] : [{ removeNeurons }]),
    ...(keepNeurons === undefined ? [] : [{ keepNeurons }]),
    ...(project === undefined ? [] : [{ project }]),
    ...(spreadPhases === undefined ? [] : [{ spreadPhases }]),
    ...(theta === 1 && xi === 1 ? [] : [{ scale: { theta, xi } }]),
  ];
}

interface Row {
  readonly what: string;
  readonly before: string;
  readonly after: string;
}

const columns: readonly Column<Row>[] = [
  { title: "", value: ({ what }) => what },
  { title: "AS IT IS", value: ({ before }) => before, align: "right" },
  { title: "CHANGED", value: ({ after }) => after, align: "right" },
];

function rows(before: AblationResult, after: AblationResult): Row[] {
  const row = (what: string, read: (result: AblationResult) => string): Row => ({
    what,
    before: read(before),
    after: read(after),
  });
  return [
    row("train loss", ({ scores }) => measure(scores.trainLoss)),
    row("test loss", ({ scores }) => measure(scores.testLoss)),
    row("loss, all pairs", ({ loss }) => measure(loss)),
    row("train accuracy", ({ scores }) => percent(scores.trainAccuracy)),
    row("test accuracy", ({ scores }) => percent(scores.testAccuracy)),
    row("accuracy, all pairs", ({ accuracy }) => percent(accuracy)),
    row("parameter norm", ({ parameterNorm }) => measure(parameterNorm)),
  ].filter((line) => line.before !== "-" || line.after !== "-");
}
