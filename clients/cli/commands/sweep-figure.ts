import { type Command, Option } from "commander";
import { checkWritable, writeWhole } from "../atomic-file.ts";
import type { CommandLine } from "../command-line.ts";
import { encoded, formatOf } from "../drawing-file.ts";
import { examples } from "../help.ts";
import { UsageError } from "../usage-error.ts";
import { uint32s } from "../values.ts";
import { sweepArgument } from "./sweep-changes.ts";

const kinds = ["stages", "bands"] as const;

interface Options {
  readonly kind: (typeof kinds)[number];
  readonly groups?: readonly number[];
  readonly output?: string;
}

export function addSweepFigure(program: Command, line: CommandLine): void {
  program
    .command("sweep-figure")
    .summary("draw what a sweep has found")
    .description(
      "Draws the runs of a sweep that have finished: when they passed from stage to stage, against each swept parameter, or medians and quartiles over seeds of the progress measures.",
    )
    .addArgument(sweepArgument())
    .addOption(new Option("--kind <name>", "what to draw").choices(kinds).default("stages"))
    .option("--groups <numbers>", "of bands: which groups, such as 0,3; else the first 8", uint32s)
    .option("-o, --output <file>", "to write, .svg, .png or .json (data and Vega-Lite); else sweep-KIND.svg")
    .addHelpText(
      "after",
      examples(
        ["grokbox sweep-figure ID", "stage times"],
        ["grokbox sweep-figure ID --kind bands --groups 0,2 -o decay.png", "two settings side by side"],
      ),
    )
    .action(
      line.action<[string], Options>(async (call, [name]) => {
        const { kind, groups, output: path = `sweep-${kind}.svg` } = call.options;
        if (groups !== undefined && kind !== "bands") throw new UsageError("--groups needs --kind bands");
        const format = formatOf(path);
        checkWritable(path);
        const { sweepFigures } = await import("@grokbox/figures");
        const figure = sweepFigures.find(({ id }) => id === kind)!;
        const { limits, output } = call;
        await using sweep = await (await call.connect()).openSweep(name, limits);
        const drawing = await figure.draw({ sweep, groups, signal: limits.signal });
        const bytes = await writeWhole(path, [await encoded(drawing, format)]);
        const { title } = drawing;
        output.result({ figure: kind, title, sweep: name, file: path, format, bytes }, () => [path]);
        output.hint([drawing.caption]);
      }),
    );
}
